import assert from "node:assert/strict";
import { after, test } from "node:test";
import { easRequest, MemoryMail, sendingAccount, wbxml } from "../../../test/support/eas-mail.ts";
import { systemClock } from "../../base/io/clock.ts";
import { systemRandom } from "../../base/io/random.ts";
import { SystemFlag } from "../../store/model.ts";
import { EmailClass } from "../mail/email-class.ts";
import type { CommandServices } from "./services.ts";
import { smartForward, smartReply } from "./smart-answer.ts";

const NOW_MS = Date.UTC(2026, 0, 5, 10);
const email = new EmailClass({ clock: systemClock, random: systemRandom });
after(() => email.close());
const clock = { ...systemClock, nowMs: () => NOW_MS };
const services = { clock, random: systemRandom, classes: [email] } as unknown as CommandServices;

test("SmartReply, SmartForward: what was done stands at the original with its time, beside what is marked there", async () => {
  const inbox = new MemoryMail();
  const { account } = sendingAccount([inbox]);
  const followUp = { status: "active", fields: { FlagType: "Reply" } } as const;
  const cases = [
    ["SmartReply", "To: bob@example.net\r\n", 1],
    ["SmartReply", "To: bob@example.net\r\nCc: cy@example.net, di@example.net\r\n", 2],
    ["SmartForward", "To: bob@example.net\r\nCc: cy@example.net\r\n", 3],
  ] as const;
  for (const [command, recipients, verb] of cases) {
    const uid = inbox.put("From: bob@example.net\r\nSubject: x\r\n\r\nhi\r\n", SystemFlag.flagged);
    inbox.get(uid).marks = { followUp };
    const body = wbxml([
      `ComposeMail:${command}`,
      ["ComposeMail:ClientId", `client-${uid}`],
      ["ComposeMail:Source", ["ComposeMail:FolderId", "5"], ["ComposeMail:ItemId", `5:${uid}`]],
      ["ComposeMail:Mime", Buffer.from(`From: alice@example.org\r\n${recipients}Subject: re\r\n\r\nyes\r\n`)],
    ]);
    const request = await easRequest({ command, body, account, folders: { "5": inbox.key } });
    const run = command === "SmartReply" ? smartReply(services) : smartForward(services);
    assert.equal((await run.run(request)).kind, "empty");
    assert.deepEqual(inbox.get(uid).marks, { followUp, lastVerb: { verb, atMs: NOW_MS } });
    assert.equal((inbox.get(uid).systemFlags & SystemFlag.answered) !== 0, command === "SmartReply");
    assert.deepEqual(inbox.get(uid).keywords, command === "SmartReply" ? [] : ["$Forwarded"]);
  }
});
