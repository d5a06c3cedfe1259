import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { directorySettings } from "../../test/support/directory-settings.ts";
import { openInlineStore } from "../../test/support/inline-store.ts";
import { PipeEnd, TEST_TLS } from "../../test/support/pipe.ts";
import { systemRandom } from "../base/io/random.ts";
import { silentLog } from "../base/log.ts";
import { openDirectory } from "../directory/open.ts";
import { SyncSession } from "./session.ts";

interface Peer {
  readonly client: PipeEnd;
  /** Everything that the session has said. */
  readonly said: () => string;
  /** Until it has said this. */
  readonly until: (pattern: RegExp) => Promise<void>;
  /** Files that it has begun to stage. */
  readonly staged: () => number;
  readonly ended: Promise<void>;
}

async function openPeer(t: TestContext): Promise<Peer> {
  const folder = mkdtempSync(join(tmpdir(), "rookery-sync-"));
  const inline = await openInlineStore();
  const { store, clock } = inline;
  const io = { clock, random: systemRandom };
  const opened = openDirectory({ folder, io, settings: directorySettings(), log: silentLog });
  t.after(async () => {
    await opened.close();
    await inline.close();
    rmSync(folder, { recursive: true });
  });
  await opened.admin?.addDomain("example.test", { isDefault: true });
  await opened.admin?.addUser({ name: "repl", password: "repl-secret", isAdmin: true });
  await opened.admin?.addUser({ name: "bob", password: "bob-secret" });
  let staged = 0;
  const counting = new Proxy(store, {
    get(target, name, receiver) {
      if (name === "stage" || name === "stageBuffer") staged += 1;
      const value: unknown = Reflect.get(target, name, receiver);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const [end, client] = PipeEnd.pair(TEST_TLS);
  const ended = new Promise<void>((resolve) => {
    const ports = {
      store: counting,
      clock,
      log: silentLog,
      partitions: new Set(["default"]),
      directory: opened.directory,
      settings: { timeoutMs: 0, maxConnections: 1, maxOutputBytes: 1_000_000 },
      hostName: "sync.test",
      version: "1",
      tlsAvailable: true,
    };
    assert.ok(new SyncSession(end, ports, resolve));
  });
  let said = "";
  let wake = (): void => {};
  client.onData((chunk) => {
    said += chunk.toString("latin1");
    wake();
  });
  const until = async (pattern: RegExp): Promise<void> => {
    while (!pattern.test(said)) await new Promise<void>((resolve) => (wake = resolve));
  };
  return { client, said: () => said, until, staged: () => staged, ended };
}

test("a peer that speaks another protocol is told to go after 20 bad commands in a row", async (t) => {
  const { client, said, ended } = await openPeer(t);
  client.write("GET / HTTP/1.1\r\n".repeat(15));
  client.write("NOOP\r\n");
  client.write("HELO there\r\n".repeat(30));
  await ended;
  // GET is a command of the protocol, which needs a login; the NOOP starts the count anew.
  assert.equal(said().match(/^NO Please authenticate first/gm)?.length, 15);
  assert.equal(said().match(/^BAD /gm)?.length, 20);
  assert.match(said(), /BYE too many bad commands\r\n$/);
});

const FILE = `APPLY MESSAGE (%{default ${"a".repeat(40)} 1000000}\r\n`;

test("strangers store nothing: a file or a literal before the login ends the session", async (t) => {
  for (const [line, reason] of [
    [FILE, "Please authenticate first"],
    ["APPLY SIEVE %(USERID a CONTENT {5000000+}\r\n", "literal too long"],
    [`GET USER ${"x".repeat(70_000)}`, "line too long"],
  ] as const) {
    const { client, said, staged, ended } = await openPeer(t);
    client.write(line);
    client.write("x".repeat(100_000));
    await ended;
    assert.match(said(), new RegExp(`\r\nBAD IMAP_PROTOCOL_ERROR ${reason}\r\n$`));
    assert.equal(staged(), 0);
  }
});

test("who is no administrator stores nothing either; an administrator does", async (t) => {
  const logIn = async ({ client, until }: Peer, user: string): Promise<void> => {
    await until(/\* OK /);
    client.write(`AUTHENTICATE PLAIN ${Buffer.from(`\0${user}\0${user}-secret`).toString("base64")}\r\n`);
    await until(/^OK Success/m);
  };
  const bob = await openPeer(t);
  await logIn(bob, "bob");
  bob.client.write(FILE);
  await bob.ended;
  assert.equal(bob.staged(), 0);

  const admin = await openPeer(t);
  await logIn(admin, "repl");
  admin.client.write(FILE);
  admin.client.write(`${"x".repeat(1_000_000)})\r\n`);
  await admin.until(/^OK success/m);
  assert.equal(admin.staged(), 1);
  admin.client.write("EXIT\r\n");
  await admin.ended;
});
