import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemRandom } from "../base/io/random.ts";
import type { Directory } from "../directory/port.ts";
import { QueueDatabase } from "../queue/queue-database.ts";
import { SimClock } from "../../test/sim/sim-clock.ts";
import { Outgoing } from "./outgoing.ts";

test("Outgoing: a message of one key goes to each recipient once, others as often as they are sent", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "rookery-once-"));
  const database = new QueueDatabase(folder);
  t.after(() => {
    database.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const clock = new SimClock();
  const directory: Partial<Directory> = {
    defaultDomain: "example.test",
    findUser: () =>
      Promise.resolve({
        userId: "alice",
        displayName: "Alice",
        addresses: ["alice@example.test"],
        isAdmin: false,
        isProxy: false,
        enabled: true,
        quotaBytes: undefined,
      }),
    resolveRecipient: () => Promise.resolve({ kind: "remote" }),
  };
  const outgoing = new Outgoing({
    directory: directory as Directory,
    queue: {
      submitAll(mails) {
        database.addAll(mails, clock.nowMs());
        return Promise.resolve();
      },
    },
    settings: {
      maxMessageSizeBytes: 0,
      maxRecipients: 10,
      userRate: 0,
      fromHeader: "any",
      maxConnections: 1,
      timeoutMs: 1,
    },
    addressSeparator: "+",
    hostName: "mail.example.test",
    clock,
    random: systemRandom,
  });
  const send = async (recipients: readonly string[], onceKey?: string): Promise<number> => {
    const bytes = Buffer.from("Subject: x\r\n\r\n");
    await outgoing.send("alice", "alice@example.test", recipients, bytes, undefined, onceKey);
    return database.count;
  };
  assert.equal(await send(["bob@remote.test"], "k"), 1);
  assert.equal(await send(["bob@remote.test", "carol@remote.test"], "k"), 2);
  assert.equal(await send(["bob@remote.test"], "other"), 3);
  assert.equal(await send(["bob@remote.test"]), 4);
});
