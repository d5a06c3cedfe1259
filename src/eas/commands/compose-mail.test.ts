import assert from "node:assert/strict";
import { after, test } from "node:test";
import {
  answerRoot,
  easRequest,
  MemoryMail,
  sendingAccount,
  type Tree,
  wbxml,
} from "../../../test/support/eas-mail.ts";
import { MemoryStates } from "../../../test/support/memory-states.ts";
import { systemClock } from "../../base/io/clock.ts";
import { systemRandom } from "../../base/io/random.ts";
import { summarize } from "../../mime/summarize.ts";
import { SystemFlag } from "../../store/model.ts";
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import { AccountError, PartlySentError } from "../account/port.ts";
import { EmailClass } from "../mail/email-class.ts";
import { layOut } from "../mail/layout.ts";
import { partText } from "../mail/mail-text.ts";
import { messageInMemory } from "../mail/message-source.ts";
import { readParts } from "../mail/part.ts";
import { sendMail } from "./send-mail.ts";
import type { CommandServices } from "./services.ts";
import { smartForward, smartReply } from "./smart-answer.ts";

const email = new EmailClass({ clock: systemClock, random: systemRandom });
after(() => email.close());
const services = { clock: systemClock, random: systemRandom, classes: [email] } as unknown as CommandServices;

const WRITTEN = "From: alice@example.org\r\nTo: bob@example.net\r\nSubject: hi\r\n\r\nhello\nworld\r\n";

function document(command: string, mime: string | Buffer, ...more: Tree[]): Buffer {
  return wbxml([
    `ComposeMail:${command}`,
    ["ComposeMail:ClientId", "client-1"],
    ...more,
    ["ComposeMail:Mime", Buffer.from(mime)],
  ]);
}

function source(itemId: string): Tree {
  return ["ComposeMail:Source", ["ComposeMail:FolderId", "5"], ["ComposeMail:ItemId", itemId]];
}

test("SendMail: the message is completed and sent once for its ClientId", async () => {
  const { account, sent } = sendingAccount();
  const states = new MemoryStates();
  const request = { command: "SendMail", account, states };
  const body = document("SendMail", WRITTEN, ["ComposeMail:SaveInSentItems"]);
  const first = await sendMail(services).run(await easRequest({ ...request, body }));
  assert.equal(first.kind, "empty");
  const again = await sendMail(services).run(await easRequest({ ...request, body }));
  assert.equal(answerRoot(again).textOf(tagOf("ComposeMail:Status")), "118");
  assert.equal(sent.length, 1);
  assert.equal(sent[0]?.saveInSent, true);
  const text = sent[0]?.bytes.toString() ?? "";
  assert.match(
    text,
    /^From: "Alice Example" <alice@example\.org>\r\nDate: .*\r\nMessage-ID: <.*@example\.org>\r\n/,
  );
  assert.match(text, /\r\n\r\nhello\r\nworld\r\n$/);
});

test("SendMail: 12.1 sends message/rfc822 and asks by a parameter for the copy", async () => {
  const { account, sent } = sendingAccount();
  const request = await easRequest({
    command: "SendMail",
    version: 121,
    body: Buffer.from(WRITTEN),
    parameters: { SaveInSent: "T" },
    account,
  });
  assert.equal((await sendMail(services).run(request)).kind, "empty");
  assert.equal(sent[0]?.saveInSent, true);
});

test("SendMail: each refusal has its status, and the ClientId stays free", async () => {
  const { account } = sendingAccount();
  const states = new MemoryStates();
  const refused = {
    ...account,
    send: () => Promise.reject(new AccountError("over_quota", "full")),
  };
  const body = document("SendMail", WRITTEN);
  const run = async (using: typeof account, bytes: Buffer): Promise<string | undefined> => {
    const request = await easRequest({ command: "SendMail", account: using, states, body: bytes });
    const answer = await sendMail(services).run(request);
    return answer.kind === "empty" ? "sent" : answerRoot(answer).textOf(tagOf("ComposeMail:Status"));
  };
  assert.equal(await run(refused, body), "113");
  assert.equal(await run(account, wbxml(["ComposeMail:SendMail", ["ComposeMail:ClientId", "x"]])), "103");
  assert.equal(await run(account, document("SendMail", WRITTEN, ["ComposeMail:AccountId", "2"])), "166");
  assert.equal(await run(account, body), "sent");
});

test("SendMail: what some recipients got is not sent to them again", async () => {
  const { account, sent } = sendingAccount();
  const states = new MemoryStates();
  const partly = { ...account, send: () => Promise.reject(new PartlySentError("refused for bob")) };
  const request = { command: "SendMail", states, body: document("SendMail", WRITTEN) };
  const statusOf = async (using: typeof account): Promise<string | undefined> => {
    const answer = await sendMail(services).run(await easRequest({ ...request, account: using }));
    return answerRoot(answer).textOf(tagOf("ComposeMail:Status"));
  };
  assert.equal(await statusOf(partly), "120");
  assert.equal(await statusOf(account), "118");
  assert.equal(sent.length, 0);
});

const ORIGINAL_TEXT =
  "From: Bob <bob@example.net>\r\nTo: alice@example.org\r\nSubject: question\r\nMessage-ID: <q@example.net>\r\n" +
  "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n";
const ORIGINALS = {
  plain: `${ORIGINAL_TEXT}\r\noriginal <text>\r\n`,
  html: `${ORIGINAL_TEXT}Content-Type: text/html\r\n\r\n<html><body><p>original &lt;text&gt;</p></body></html>\r\n`,
  alternative:
    `${ORIGINAL_TEXT}Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\noriginal <text>\r\n` +
    "--b\r\nContent-Type: text/html\r\n\r\n<p>original &lt;text&gt;</p>\r\n--b--\r\n",
};
const REPLY = "To: bob@example.net\r\nSubject: Re: question\r\n";
const REPLIES = {
  plain: `${REPLY}\r\nmy answer\r\n`,
  html: `${REPLY}Content-Type: text/html\r\n\r\n<html><body><i>my answer</i></body></html>\r\n`,
  alternative:
    `${REPLY}Content-Type: multipart/alternative; boundary=r\r\n\r\n--r\r\nContent-Type: text/plain\r\n\r\nmy answer\r\n` +
    "--r\r\nContent-Type: text/html\r\n\r\n<i>my answer</i>\r\n--r--\r\n",
};

async function textsOf(bytes: Buffer): Promise<{ plain: string | undefined; html: string | undefined }> {
  const message = messageInMemory(bytes);
  const [piece] = layOut(await readParts(message)).text;
  const text = async (form: "plain" | "html"): Promise<string | undefined> =>
    piece?.[form] === undefined ? undefined : partText(message, piece[form][0]!);
  return { plain: await text("plain"), html: await text("html") };
}

test("SmartReply: every form of the answer quotes every form of the original", async () => {
  for (const [originalForm, original] of Object.entries(ORIGINALS)) {
    for (const [form, reply] of Object.entries(REPLIES)) {
      const folder = new MemoryMail();
      const uid = folder.put(original);
      const { account, sent } = sendingAccount([folder]);
      const request = await easRequest({
        command: "SmartReply",
        body: document("SmartReply", reply, source(`5:${uid}`)),
        account,
        folders: { 5: folder.key },
      });
      assert.equal((await smartReply(services).run(request)).kind, "empty");
      const bytes = sent[0]!.bytes;
      const { plain, html } = await textsOf(bytes);
      const name = `${form} answer to ${originalForm}`;
      assert.equal(plain !== undefined, form !== "html", name);
      assert.equal(html !== undefined, form !== "plain", name);
      if (plain !== undefined) {
        assert.match(
          plain,
          /^my answer[\s\S]*-----Original Message-----\r\nFrom: "Bob" <bob@example\.net>[\s\S]*original <text>/,
          name,
        );
      }
      if (html !== undefined) assert.match(html, /<i>my answer<\/i>[\s\S]*original &lt;text&gt;/, name);
      const summary = summarize(bytes);
      assert.deepEqual(summary.references, ["q@example.net"]);
      assert.equal(folder.get(uid).systemFlags, SystemFlag.answered);
    }
  }
});

test("SmartForward: attachments of both go along, the original is marked $Forwarded", async () => {
  const folder = new MemoryMail();
  const uid = folder.put(
    `${ORIGINAL_TEXT}Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n\r\nsee file\r\n--o\r\n` +
      "Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nUERG\r\n--o--\r\n",
  );
  const { account, sent } = sendingAccount([folder]);
  const written = `${REPLY}Content-Type: multipart/mixed; boundary=w\r\n\r\n--w\r\n\r\nlook\r\n--w\r\nContent-Type: image/png; name=b.png\r\n\r\nPNG\r\n--w--\r\n`;
  const request = await easRequest({
    command: "SmartForward",
    body: document("SmartForward", written, source(`5:${uid}`)),
    account,
    folders: { 5: folder.key },
  });
  assert.equal((await smartForward(services).run(request)).kind, "empty");
  const layout = layOut(await readParts(messageInMemory(sent[0]!.bytes)));
  assert.deepEqual(
    layout.attachments.map(({ part }) => part.fileName),
    ["b.png", "a.pdf"],
  );
  assert.deepEqual(folder.get(uid).keywords, ["$Forwarded"]);
});

test("SmartReply: ReplaceMime sends what the device wrote; a signed answer is not touched", async () => {
  const folder = new MemoryMail();
  const uid = folder.put(ORIGINALS.plain);
  const signed = `${REPLY}Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=s\r\n\r\n--s\r\n\r\nmine\r\n--s\r\n\r\nsig\r\n--s--\r\n`;
  for (const [mime, more] of [
    [REPLIES.plain, [["ComposeMail:ReplaceMime"]]],
    [signed, []],
  ] as const) {
    const { account, sent } = sendingAccount([folder]);
    const request = await easRequest({
      command: "SmartReply",
      body: document("SmartReply", mime, source(`5:${uid}`), ...more),
      account,
      folders: { 5: folder.key },
    });
    await smartReply(services).run(request);
    assert.equal(sent[0]?.bytes.toString().includes(mime.slice(mime.indexOf("\r\n\r\n"))), true);
    assert.doesNotMatch(sent[0]?.bytes.toString() ?? "", /original/);
  }
});

test("SmartReply: an original that is gone is 150, in 12.1 an HTTP error", async () => {
  const folder = new MemoryMail();
  const { account, sent } = sendingAccount([folder]);
  const body = document("SmartReply", REPLIES.plain, source("5:77"));
  const folders = { 5: folder.key };
  const answer = await smartReply(services).run(
    await easRequest({ command: "SmartReply", body, account, folders }),
  );
  assert.equal(answerRoot(answer).textOf(tagOf("ComposeMail:Status")), "150");
  const old = await smartReply(services).run(
    await easRequest({
      command: "SmartReply",
      version: 121,
      body: Buffer.from(REPLIES.plain),
      parameters: { CollectionId: "5", ItemId: "5:77" },
      account,
      folders,
    }),
  );
  assert.deepEqual([old.kind, old.kind === "http" && old.status], ["http", 500]);
  assert.equal(sent.length, 0);
});
