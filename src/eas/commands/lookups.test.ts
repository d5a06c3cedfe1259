import { MemoryStates } from "../../../test/support/memory-states.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  answerRoot,
  easRequest,
  MemoryMail,
  sendingAccount,
  type Tree,
  wbxml,
} from "../../../test/support/eas-mail.ts";
import { systemClock } from "../../base/io/clock.ts";
import { systemRandom } from "../../base/io/random.ts";
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import type { Element } from "../element.ts";
import { meetingResponse } from "./meeting-response.ts";
import { resolveRecipients } from "./resolve-recipients.ts";
import { validateCert } from "./validate-cert.ts";
import { rootCertificates } from "node:tls";

const text = (element: Element | undefined, name: string): string | undefined => element?.textOf(tagOf(name));

test("ResolveRecipients: one, several and none; pictures, certificates and availability are answered", async () => {
  const { account } = sendingAccount();
  const options: Tree = [
    "ResolveRecipients:Options",
    ["ResolveRecipients:CertificateRetrieval", 2],
    ["ResolveRecipients:Availability", ["ResolveRecipients:StartTime", "2026-01-01T00:00:00.000Z"]],
    ["ResolveRecipients:Picture"],
  ];
  const to = (name: string): Tree => ["ResolveRecipients:To", name];
  const body = wbxml([
    "ResolveRecipients:ResolveRecipients",
    to("bob@example.org"),
    to("bob"),
    to("nobody"),
    options,
  ]);
  const root = answerRoot(
    await resolveRecipients().run(await easRequest({ command: "ResolveRecipients", body, account })),
  );
  const responses = root.all(tagOf("ResolveRecipients:Response"));
  assert.deepEqual(
    responses.map((one) => [
      text(one, "ResolveRecipients:Status"),
      one.all(tagOf("ResolveRecipients:Recipient")).length,
    ]),
    [
      ["1", 1],
      ["2", 2],
      ["4", 0],
    ],
  );
  const recipient = responses[0]?.child(tagOf("ResolveRecipients:Recipient"));
  for (const [name, status] of [
    ["Certificates", "7"],
    ["Availability", "163"],
    ["Picture", "173"],
  ]) {
    const part = recipient?.child(tagOf(`ResolveRecipients:${name}`));
    assert.equal(text(part, "ResolveRecipients:Status"), status, name);
  }
  const bad = await resolveRecipients().run(
    await easRequest({
      command: "ResolveRecipients",
      body: wbxml(["ResolveRecipients:ResolveRecipients"]),
      account,
    }),
  );
  assert.equal(text(answerRoot(bad), "ResolveRecipients:Status"), "5");
});

/** What is asked about, and the statuses of the answer: its own, and those of the certificates. */
async function validate(
  certificates: readonly string[],
  { nowMs = Date.UTC(2026, 0), checkRevocation = "" } = {},
): Promise<readonly (string | undefined)[]> {
  const body = wbxml([
    "ValidateCert:ValidateCert",
    ["ValidateCert:Certificates", ...certificates.map((one): Tree => ["ValidateCert:Certificate", one])],
    ...(checkRevocation === "" ? [] : [["ValidateCert:CheckCRL", checkRevocation] satisfies Tree]),
  ]);
  const { account } = sendingAccount();
  const clock = { ...systemClock, nowMs: () => nowMs };
  const request = await easRequest({ command: "ValidateCert", body, account });
  const root = answerRoot(await validateCert({ clock }).run(request));
  const each = root.all(tagOf("ValidateCert:Certificate"));
  return [root, ...each].map((one) => text(one, "ValidateCert:Status"));
}

const TRUSTED = rootCertificates[0]!.replace(/-----[^-]+-----|\s/g, "");

test("ValidateCert: unreadable, expired and trusted certificates", async () => {
  assert.deepEqual(await validate(["AAAA", TRUSTED]), ["1", "10", "1"]);
  assert.deepEqual(await validate([TRUSTED], { nowMs: Date.UTC(2200, 0) }), ["1", "7"]);
});

test("ValidateCert: who insists on revocation is told that it is not known, of good certificates only", async () => {
  assert.deepEqual(await validate(["AAAA", TRUSTED], { checkRevocation: "1" }), ["1", "10", "16"]);
  assert.deepEqual(await validate([TRUSTED], { checkRevocation: "0" }), ["1", "1"]);
});

test("ValidateCert: a hundred at most, and other work has its turn between them", async () => {
  assert.deepEqual(await validate(Array.from({ length: 101 }, () => TRUSTED)), ["2"]);
  // Authorities are read by the first of all.
  await validate([TRUSTED]);
  let turns = 0;
  let isDone = false;
  const count = (): void => {
    turns += 1;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  const answers = await validate(Array.from({ length: 100 }, () => TRUSTED));
  isDone = true;
  assert.equal(answers.length, 101);
  assert.ok(turns >= 20, `${turns} turns`);
});

const INVITATION =
  "From: bob@example.net\r\nSubject: meet\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\n" +
  "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20260105T100000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

test("MeetingResponse: an accepted invitation stays, a declined one goes to the trash, other mail is none", async () => {
  const inbox = new MemoryMail();
  const trash = new MemoryMail("trash");
  inbox.put(INVITATION);
  inbox.put("Subject: no meeting\r\n\r\n");
  const { account } = sendingAccount([inbox, trash]);
  const respond = async (id: string, answer: number): Promise<string | undefined> => {
    const body = wbxml([
      "MeetingResponse:MeetingResponse",
      [
        "MeetingResponse:Request",
        ["MeetingResponse:UserResponse", answer],
        ["MeetingResponse:CollectionId", "5"],
        ["MeetingResponse:RequestId", id],
      ],
    ]);
    const request = { command: "MeetingResponse", body, account, folders: { 5: inbox.key } };
    const result = answerRoot(
      await meetingResponse({ clock: systemClock, random: systemRandom }).run(await easRequest(request)),
    ).child(tagOf("MeetingResponse:Result"));
    assert.equal(text(result, "MeetingResponse:RequestId"), id);
    return text(result, "MeetingResponse:Status");
  };
  assert.equal(await respond("5:1", 1), "1");
  assert.deepEqual(inbox.moved, []);
  assert.equal(await respond("5:2", 1), "2");
  assert.equal(await respond("5:9", 1), "2");
  assert.equal(await respond("5:1", 7), "2");
  assert.equal(await respond("5:1", 3), "1");
  assert.deepEqual(inbox.moved, [`1 to ${trash.key}`]);
});

test("MeetingResponse: 16.0 leaves it to the server to tell the organizer", async () => {
  const inbox = new MemoryMail();
  inbox.put(
    INVITATION.replace(
      "UID:1\r\n",
      'UID:1\r\nSEQUENCE:2\r\nSUMMARY:meet\r\nORGANIZER;CN="Bob; B":mailto:bob@example.net\r\n' +
        "ATTENDEE;RSVP=TRUE:mailto:a.example@example.org\r\n",
    ),
  );
  const trash = new MemoryMail("trash");
  const { account, sent } = sendingAccount([inbox, trash]);
  const states = new MemoryStates();
  const respond = async (version: 141 | 161, answer = 2): Promise<string | undefined> => {
    const body = wbxml([
      "MeetingResponse:MeetingResponse",
      [
        "MeetingResponse:Request",
        ["MeetingResponse:UserResponse", answer],
        ["MeetingResponse:CollectionId", "5"],
        ["MeetingResponse:RequestId", "5:1"],
        [
          "MeetingResponse:SendResponse",
          ["AirSyncBase:Body", ["AirSyncBase:Type", 1], ["AirSyncBase:Data", "perhaps, if I can"]],
        ],
      ],
    ]);
    const request = { command: "MeetingResponse", version, body, account, states, folders: { 5: inbox.key } };
    const answered = await meetingResponse({ clock: systemClock, random: systemRandom }).run(
      await easRequest(request),
    );
    return answerRoot(answered)
      .child(tagOf("MeetingResponse:Result"))
      ?.textOf(tagOf("MeetingResponse:Status"));
  };
  await respond(141);
  assert.equal(sent.length, 0);
  await respond(161);
  assert.deepEqual(sent[0]?.recipients, ["bob@example.net"]);
  // The answer was lost: the organizer hears nothing twice; of another answer he hears, also when the invitation goes.
  assert.equal(await respond(161), "1");
  assert.equal(sent.length, 1);
  assert.equal(await respond(161, 1), "1");
  assert.equal(await respond(161, 2), "1");
  assert.equal(await respond(161, 3), "1");
  assert.equal(await respond(161, 3), "1");
  assert.deepEqual([sent.length, inbox.moved], [4, [`1 to ${trash.key}`]]);
  assert.equal(new Set(sent.map(({ onceKey }) => onceKey)).size, 4);
  const text = sent[0]?.bytes.toString() ?? "";
  assert.match(
    text,
    /^From: "Alice Example" <a\.example@example\.org>\r\nTo: <bob@example\.net>\r\nSubject: Tentative: meet\r\n/,
  );
  assert.match(
    text,
    /METHOD:REPLY[\s\S]*UID:1\r\nSEQUENCE:2[\s\S]*ORGANIZER;CN="Bob; B":mailto:bob@example\.net/,
  );
  assert.match(
    text.replace(/\r\n /g, ""),
    /ATTENDEE;PARTSTAT=TENTATIVE;CN=Alice Example:mailto:a\.example@example\.org/,
  );
  assert.match(text, /COMMENT:perhaps\\, if I can/);
});
