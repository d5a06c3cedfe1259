import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { after, test } from "node:test";
import { SimClock } from "../../../test/sim/sim-clock.ts";
import { startEasHost } from "../../../test/support/eas-host.ts";
import { easRequest, sendingAccount } from "../../../test/support/eas-mail.ts";
import { MemoryStates } from "../../../test/support/memory-states.ts";
import { systemRandom } from "../../base/io/random.ts";
import { AccountError } from "../account/port.ts";
import type { EasAnswer } from "../command.ts";
import { EmailClass } from "../mail/email-class.ts";
import { sendMail } from "./send-mail.ts";
import type { CommandServices } from "./services.ts";

const clock = new SimClock();
const email = new EmailClass({ clock, random: systemRandom });
after(() => email.close());
const services = { clock, random: systemRandom, classes: [email] } as unknown as CommandServices;

const NAMELESS = "To: bob@example.net\r\nSubject: hi\r\n\r\nok\r\n";
const NAMED = `Message-ID: <made-by-the-phone@example.org>\r\n${NAMELESS}`;

function phone121(): {
  readonly sent: ReturnType<typeof sendingAccount>["sent"];
  readonly fail: (code: "unavailable" | undefined) => void;
  readonly send: (mime: string, parameters?: Record<string, string>) => Promise<EasAnswer>;
} {
  const { account, sent } = sendingAccount();
  const states = new MemoryStates();
  let failure: AccountError | undefined;
  const mayFail = {
    ...account,
    send: async (message: Parameters<typeof account.send>[0]) => {
      await account.send(message);
      if (failure !== undefined) throw failure;
    },
  };
  return {
    sent,
    fail: (code) => (failure = code === undefined ? undefined : new AccountError(code, "away")),
    async send(mime, parameters = {}) {
      const body = Buffer.from(mime);
      return sendMail(services).run(
        await easRequest({ command: "SendMail", version: 121, body, parameters, account: mayFail, states }),
      );
    },
  };
}

const delivered = (answer: EasAnswer): void => {
  assert.equal(answer.kind, "empty");
  if (answer.kind === "empty") answer.delivered?.();
};
const messageIdOf = (bytes: Buffer): string | undefined =>
  /^Message-ID: (.*)\r$/m.exec(bytes.toString())?.[1];

test("SendMail 12.1: the same bytes after an answer that was not written are the same message, for a while", async () => {
  const { send, sent } = phone121();
  assert.equal((await send(NAMELESS)).kind, "empty");
  assert.equal((await send(NAMELESS)).kind, "empty");
  assert.equal(sent.length, 1);
  // Another request: the copy is wanted now.
  await send(NAMELESS, { SaveInSent: "T" });
  assert.equal(sent.length, 2);
  clock.advance(2 * 3_600_000);
  await send(NAMELESS);
  assert.equal(sent.length, 3);
});

test("SendMail 12.1: who has the answer may send the same words again, as another message", async () => {
  const { send, sent } = phone121();
  delivered(await send(NAMELESS));
  delivered(await send(NAMELESS));
  assert.equal(sent.length, 2);
  assert.notEqual(sent[0]?.onceKey, sent[1]?.onceKey);
  assert.notEqual(messageIdOf(sent[0]!.bytes), messageIdOf(sent[1]!.bytes));
});

test("SendMail 12.1: a Message-ID is one message, whatever became of the answer", async () => {
  const { send, sent } = phone121();
  delivered(await send(NAMED));
  delivered(await send(NAMED));
  assert.equal(sent.length, 1);
  delivered(await send(NAMED.replace("ok", "no")));
  assert.equal(sent.length, 2);
});

test("SendMail 12.1: what may have been sent is asked for again under the same key", async () => {
  const { send, sent, fail } = phone121();
  fail("unavailable");
  const refused = await send(NAMELESS);
  assert.deepEqual([refused.kind, refused.kind === "http" && refused.status], ["http", 503]);
  fail(undefined);
  delivered(await send(NAMELESS));
  assert.equal(sent.length, 2);
  assert.equal(sent[0]?.onceKey, sent[1]?.onceKey);
  assert.equal(messageIdOf(sent[0]!.bytes), messageIdOf(sent[1]!.bytes));
});

test("an answer counts as delivered when it was written whole, not when the device is gone", async (t) => {
  const heard: string[] = [];
  let answered = (): void => {};
  let started = (): void => {};
  const host = await startEasHost({
    policy: { required: false },
    commands: [
      {
        name: "SendMail",
        async run({ parameters, signal }) {
          const name = parameters.get("SaveInSent") ?? "";
          if (name === "F") {
            const gone = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
            started();
            await gone;
          }
          setImmediate(() => answered());
          return { kind: "empty", delivered: () => heard.push(name) };
        },
      },
    ],
  });
  t.after(() => host.close());
  const { port } = new URL(host.url);
  const post = (name: string): Socket => {
    const socket = connect(Number(port), "127.0.0.1");
    const credentials = Buffer.from("alice:secret").toString("base64");
    socket.write(
      `POST /Microsoft-Server-ActiveSync?Cmd=SendMail&DeviceId=P1&DeviceType=T&SaveInSent=${name} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic ${credentials}\r\nContent-Type: message/rfc822\r\nContent-Length: 2\r\n\r\n\r\n`,
    );
    return socket;
  };
  const read = post("T");
  await new Promise((resolve) => read.once("data", resolve));
  read.destroy();
  assert.deepEqual(heard, ["T"]);
  const running = new Promise<void>((resolve) => (started = resolve));
  const done = new Promise<void>((resolve) => (answered = resolve));
  const leaving = post("F");
  await running;
  leaving.destroy();
  await done;
  const last = post("T");
  await new Promise((resolve) => last.once("data", resolve));
  last.destroy();
  assert.deepEqual(heard, ["T", "T"]);
});
