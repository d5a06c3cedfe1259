import assert from "node:assert/strict";
import { createServer, type AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { systemClock } from "../base/io/clock.ts";
import { systemRandom } from "../base/io/random.ts";
import { systemNetwork } from "../base/io/system-network.ts";
import { Secret } from "../base/secret.ts";
import { connectImap, type ImapAccount, ImapLoginError } from "./client-connect.ts";

const PORTS = { network: systemNetwork, clock: systemClock, random: systemRandom };

/** Answers each line by what the table says; `TAG` stands for its tag. */
async function server(
  t: TestContext,
  greeting: string,
  answer: (command: string) => string,
): Promise<{ port: number; lines: string[] }> {
  const lines: string[] = [];
  const listening = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.write(`${greeting}\r\n`);
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      for (let end = text.indexOf("\r\n"); end >= 0; end = text.indexOf("\r\n")) {
        const line = text.slice(0, end);
        text = text.slice(end + 2);
        const [, tag = "", command = ""] = /^(c\d+ )?(.*)$/s.exec(line) ?? [];
        lines.push(command);
        socket.write(answer(command).replaceAll("TAG ", tag));
      }
    });
  });
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  t.after(() => listening.close());
  return { port: (listening.address() as AddressInfo).port, lines };
}

function account(port: number, part: Partial<ImapAccount> = {}): ImapAccount {
  return {
    host: "127.0.0.1",
    port,
    tls: "off",
    verify: false,
    user: "alice",
    login: { kind: "password", password: new Secret('p"w') },
    compress: false,
    silenceMs: 5000,
    ...part,
  };
}

test("connect: LOGIN where nothing better is offered, capabilities asked for when they are not told", async (t) => {
  const { port, lines } = await server(t, "* OK hello", (command) =>
    command === "CAPABILITY" ? "* CAPABILITY IMAP4rev1 LITERAL-\r\nTAG OK x\r\n" : "TAG OK x\r\n",
  );
  const { client, capabilities } = await connectImap(account(port), PORTS);
  assert.deepEqual(lines, ["CAPABILITY", 'LOGIN "alice" "p\\"w"', "CAPABILITY"]);
  assert.ok(capabilities.has("LITERAL-"));
  client.close();
});

test("connect: a master user names the owner, by authzid and by separator", async (t) => {
  const { port, lines } = await server(
    t,
    "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi",
    () => "TAG OK [CAPABILITY IMAP4rev1] in\r\n",
  );
  const master = { kind: "master", master: "root", password: new Secret("top") } as const;
  (await connectImap(account(port, { login: { ...master, form: "authzid" } }), PORTS)).client.close();
  (
    await connectImap(account(port, { login: { ...master, form: { separator: "*" } } }), PORTS)
  ).client.close();
  const sent = lines.map((line) => Buffer.from(line.split(" ")[2] ?? "", "base64").toString());
  assert.deepEqual(sent, ["alice\0root\0top", "\0alice*root\0top"]);
});

test("connect: without SASL-IR the response waits for the server", async (t) => {
  const { port, lines } = await server(t, "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi", (command) =>
    command === "AUTHENTICATE PLAIN" ? "+ \r\n" : "c1 OK [CAPABILITY IMAP4rev1] in\r\n",
  );
  (await connectImap(account(port), PORTS)).client.close();
  assert.deepEqual(lines, ["AUTHENTICATE PLAIN", Buffer.from('\0alice\0p"w').toString("base64")]);
});

test("connect: a password is not shown in the clear to a host elsewhere, TLS that is required is required", async (t) => {
  const { port, lines } = await server(t, "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi", () => "TAG OK x\r\n");
  await assert.rejects(connectImap(account(port, { tls: "starttls" }), PORTS), ImapLoginError);
  assert.deepEqual(lines, []);
});

test("connect: refusals say whether to try again", async (t) => {
  for (const [code, temporary] of [
    ["[AUTHENTICATIONFAILED] ", false],
    ["[UNAVAILABLE] ", true],
    ["", false],
  ] as const) {
    const { port } = await server(
      t,
      "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi",
      () => `TAG NO ${code}no\r\n`,
    );
    await assert.rejects(connectImap(account(port), PORTS), (error) => {
      assert.ok(error instanceof ImapLoginError);
      assert.equal(error.temporary, temporary);
      assert.ok(!error.message.includes('p"w'));
      return true;
    });
  }
  const { port } = await server(t, "* BYE too many connections", () => "");
  await assert.rejects(connectImap(account(port), PORTS), /too many connections/);
});
