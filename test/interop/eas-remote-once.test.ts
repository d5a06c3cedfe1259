// A message of a phone that comes again after a crash of the gateway or a lost answer, over a real Dovecot.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ImapFlow } from "imapflow";
import { SMTPServer } from "smtp-server";
import { systemClock } from "../../src/base/io/clock.ts";
import { type Account, AccountError } from "../../src/eas/account/port.ts";
import type { RemoteAccounts } from "../../src/eas/account/remote/remote-accounts.ts";
import type { StateChange } from "../../src/eas/state/port.ts";
import { remoteAccounts } from "../support/eas-remote.ts";
import { MemoryStates } from "../support/memory-states.ts";
import { startDovecot } from "../support/peers/dovecot.ts";
import type { Peer } from "../support/peers/peer.ts";
import { peersMissing } from "../support/peers/peer-or-skip.ts";

const TIMEOUT_MS = 30_000;
/** Another gateway takes the one that began for dead then. */
const LEASE_MS = 3 * TIMEOUT_MS;

/** The states of a gateway whose process ends, or that cannot write, at one point of a message's way. */
class FailingStates extends MemoryStates {
  failAt: readonly string[] = [];
  how: "dies before" | "dies after" | "rejects" = "dies before";
  died: () => void = () => undefined;

  override async put(changes: readonly StateChange[]): Promise<boolean> {
    const { state } = JSON.parse(changes[0]?.value?.toString() ?? "{}") as { state?: string };
    if (!this.failAt.includes(state ?? "")) return super.put(changes);
    if (this.how === "rejects") throw new Error("no database");
    if (this.how === "dies after") await super.put(changes);
    this.died();
    return new Promise(() => undefined);
  }
}

describe("a message that is sent again", { skip: peersMissing() ?? false, timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "rk-once-"));
  let dovecot: Peer;
  let smtp: SMTPServer;
  let drops = false;
  const sent: string[] = [];
  const opened: RemoteAccounts[] = [];
  before(async () => {
    dovecot = await startDovecot({ folder, users: { "alice@example.test": "secret" } });
    smtp = new SMTPServer({
      disabledCommands: ["STARTTLS", "AUTH"],
      onData(stream, _session, done) {
        const chunks: Buffer[] = [];
        stream.on("data", (chunk: Buffer) => chunks.push(chunk));
        stream.on("end", () => {
          sent.push(Buffer.concat(chunks).toString());
          // The message is taken, the answer gets lost.
          if (drops) for (const { _socket: socket } of connectionsOf(smtp)) socket.destroy();
          else done();
        });
      },
    });
    await new Promise<void>((resolve) => smtp.listen(0, "127.0.0.1", resolve));
  });
  after(async () => {
    for (const accounts of opened) accounts.close();
    await new Promise<void>((resolve) => smtp.close(resolve));
    await dovecot.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const gateway = async (states: MemoryStates, laterMs = 0, areStatesShared = true): Promise<Account> => {
    const port = (smtp.server.address() as AddressInfo).port;
    const settings = { smtp: `127.0.0.1:${port}`, smtp_login: "no", login_with_domain: "yes" };
    const clock = {
      nowMs: () => systemClock.nowMs() + laterMs,
      monotonicMs: () => systemClock.monotonicMs(),
      setTimer: systemClock.setTimer.bind(systemClock),
    };
    const accounts = remoteAccounts(dovecot.ports["imap"] ?? 0, settings, { states, areStatesShared, clock });
    opened.push(accounts);
    const account = await accounts.open("alice", "secret", "192.0.2.1", true);
    await account.createFolder(undefined, "Sent").catch(() => undefined);
    return account;
  };
  const send = (account: Account, name: string): Promise<void> =>
    account.send({
      bytes: Buffer.from(
        `From: alice@example.test\r\nTo: bob@there.test\r\nSubject: ${name}\r\nMessage-ID: <${name}@example.test>\r\n\r\nHi\r\n`,
      ),
      saveInSent: true,
      onceKey: `eas:PHONE:${name}`,
    });
  const sentCount = (name: string): number => sent.filter((text) => text.includes(`<${name}@`)).length;
  const copies = async (name: string): Promise<number> => {
    const account = await gateway(new MemoryStates());
    const sentKey = (await account.folders()).find(({ use }) => use === "sent")!.key;
    const query = { folderKey: sentKey, withChildren: false, freeText: "", offset: 0, limit: 10 };
    return (await account.searchMail({ ...query, subject: name })).total;
  };
  const unavailable = (error: unknown): boolean =>
    error instanceof AccountError && error.code === "unavailable";
  /** The gateway dies at this point of sending. */
  const dieAt = async (states: FailingStates, point: string, name: string): Promise<void> => {
    const died = new Promise<void>((resolve) => (states.died = resolve));
    states.failAt = [point];
    void send(await gateway(states), name);
    await died;
    states.failAt = [];
  };

  test("crash before SMTP's answer was noted: sent again later, under the same Message-ID", async () => {
    const states = new FailingStates();
    const name = "unknown";
    await dieAt(states, "accepted", name);
    // The other gateway may still be at it.
    await assert.rejects(send(await gateway(states), name), unavailable);
    assert.equal(sentCount(name), 1);
    // Nobody can know.
    await send(await gateway(states, LEASE_MS), name);
    assert.equal(sentCount(name), 2);
    assert.equal(await copies(name), 1);
  });

  test("a gateway that is alone does not wait for another one", async () => {
    const states = new FailingStates();
    await dieAt(states, "accepted", "alone");
    await send(await gateway(states, 0, false), "alone");
    assert.equal(sentCount("alone"), 2);
  });

  test("crash after SMTP's answer was noted: sent once, and the copy is made up for", async () => {
    const states = new FailingStates();
    const name = "accepted";
    states.how = "dies after";
    await dieAt(states, "accepted", name);
    assert.equal(await copies(name), 0);
    await send(await gateway(states), name);
    await send(await gateway(states), name);
    assert.equal(sentCount(name), 1);
    assert.equal(await copies(name), 1);
  });

  test("the note is lost, the copy is not: it is found in Sent", async () => {
    const states = new FailingStates();
    const name = "unnoted";
    states.how = "rejects";
    states.failAt = ["accepted", "done"];
    await send(await gateway(states), name);
    states.failAt = [];
    await send(await gateway(states, LEASE_MS), name);
    assert.equal(sentCount(name), 1);
    assert.equal(await copies(name), 1);
  });

  test("no answer of SMTP: looked for in Sent, where the server may have put it, else sent again", async () => {
    const states = new MemoryStates();
    const account = await gateway(states);
    drops = true;
    await assert.rejects(send(account, "kept"), unavailable);
    await assert.rejects(send(account, "lost"), unavailable);
    drops = false;
    const other = new ImapFlow({
      host: "127.0.0.1",
      port: dovecot.ports["imap"] ?? 0,
      secure: false,
      auth: { user: "alice@example.test", pass: "secret" },
      logger: false,
    });
    await other.connect();
    await other.append("Sent", "Subject: kept\r\nMessage-ID: <kept@example.test>\r\n\r\nHi\r\n");
    await other.logout();
    await send(account, "kept");
    await send(account, "lost");
    assert.deepEqual([sentCount("kept"), sentCount("lost")], [1, 2]);
    assert.deepEqual([await copies("kept"), await copies("lost")], [1, 1]);
  });
});

interface Connected {
  readonly _socket: { destroy(): void };
}

function connectionsOf(server: SMTPServer): Iterable<Connected> {
  return server.connections as Iterable<unknown> as Iterable<Connected>;
}
