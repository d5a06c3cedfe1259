import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { after, test } from "node:test";
import { systemClock } from "../../src/base/io/clock.ts";
import { systemRandom } from "../../src/base/io/random.ts";
import { EmailClass } from "../../src/eas/mail/email-class.ts";
import { printVersion, PROTOCOL_VERSIONS } from "../../src/eas/version.ts";
import { knowFolders, MemoryMail, sendingAccount } from "../support/eas-mail.ts";
import { assertSchema } from "../support/eas-schema.ts";
import { EasTranscriptHost } from "../support/eas-transcript-host.ts";
import { MemoryStates } from "../support/memory-states.ts";
import { runTranscript, transcriptFiles } from "../support/transcript.ts";

const email = new EmailClass({ clock: systemClock, random: systemRandom });
after(() => email.close());

/** Folders 5 (Inbox) and 7 (Trash). Inbox: 1 a text, 2 with a file, 3 an invitation. */
const FIRST =
  "From: Bob <bob@example.net>\r\nTo: alice@example.org\r\nSubject: question\r\nMessage-ID: <q@example.net>\r\n" +
  "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n\r\nhow are you?\r\n";
const SECOND =
  "From: bob@example.net\r\nTo: alice@example.org\r\nSubject: files\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n" +
  "--m\r\nContent-Type: text/html\r\n\r\n<p>see <b>file</b></p>\r\n--m\r\nContent-Type: application/pdf; name=a.pdf\r\n" +
  "Content-Transfer-Encoding: base64\r\n\r\nMDEyMzQ1Njc4OQ==\r\n--m--\r\n";
const THIRD =
  "From: bob@example.net\r\nTo: alice@example.org\r\nSubject: meet\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\n" +
  "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:u1\r\nSUMMARY:meet\r\nDTSTART:20260105T100000Z\r\n" +
  "DTEND:20260105T110000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

const FILES = transcriptFiles(join(import.meta.dirname, "eas-mail"));

test("every version that is announced has its dialogues", () => {
  for (const file of FILES) {
    const text = readFileSync(file, "utf8");
    if (!/^#.*in every version/.test(text)) continue;
    const asked = new Set(Array.from(text.matchAll(/^C: POST \w+ (\S+)/gm), ([, version]) => version));
    assert.deepEqual([...asked], PROTOCOL_VERSIONS.map(printVersion), basename(file));
  }
});

for (const file of FILES) {
  test(`eas mail transcript ${basename(file, ".txt")}`, { timeout: 20_000 }, async () => {
    const inbox = new MemoryMail();
    const trash = new MemoryMail("trash");
    for (const mail of [FIRST, SECOND, THIRD]) inbox.put(mail);
    const { account } = sendingAccount([inbox, trash]);
    const states = new MemoryStates();
    await knowFolders(states, { userId: account.userId, deviceId: "device" }, { 5: inbox.key, 7: trash.key });
    const accounts = { open: () => Promise.resolve(account) };
    const host = new EasTranscriptHost({ states, accounts, classes: [email] });
    await runTranscript(file, host);
    assert.deepEqual(host.failures, [], "a request failed");
    for (const { bytes, version } of host.answers) assertSchema(bytes, version);
  });
}
