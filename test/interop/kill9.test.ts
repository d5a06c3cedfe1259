/**
 * SIGKILL under delivery load, again and again on the same data folder: every acknowledged message is there
 * byte-identical afterwards, and UIDs and modseqs go only up.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { toUid } from "../../src/base/numbers.ts";
import { openStore } from "../support/open-store.ts";
import { SimRandom } from "../sim/sim-random.ts";
import { syncCrcs } from "../support/sync-crc.ts";
import { bodyOf, BOXES, PREFIX } from "./store-messages.ts";

const KILLS = process.env["ROOKERY_LONG"] === "1" ? 50 : 5;
const MAX_ACKS_PER_RUN = 400;

interface Acknowledged {
  readonly box: string;
  readonly uid: number;
  readonly number: number;
  readonly modseq: number;
}

/** Delivers until `kill` answers were read, then SIGKILL; what the pipe still holds counts as well: it was said. */
async function runAndKill(folder: string, first: number, kill: number): Promise<Acknowledged[]> {
  const script = join(import.meta.dirname, "store-child.ts");
  const child = spawn(process.execPath, [script, "load", folder, String(first)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = once(child, "close");
  const acks: Acknowledged[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const [word, box = "", uid, number, modseq] = line.split(" ");
    // The last line may be cut by the kill.
    if (word === "ACK" && modseq !== undefined) {
      acks.push({ box, uid: Number(uid), number: Number(number), modseq: Number(modseq) });
    }
    if (acks.length >= kill) child.kill("SIGKILL");
  }
  await closed;
  assert.equal(child.signalCode, "SIGKILL", "the child ended by itself");
  return acks;
}

async function verify(folder: string, acks: readonly Acknowledged[]): Promise<void> {
  const store = await openStore({ folder });
  try {
    for (const name of BOXES) {
      const mailbox = store.mailboxes.get(name);
      const expected = acks.filter((ack) => ack.box === name);
      const lastUid = Math.max(0, ...expected.map((ack) => ack.uid));
      const modseq = Math.max(0, ...expected.map((ack) => ack.modseq));
      assert.ok(mailbox.lastUid >= lastUid, `${name}: last UID ${mailbox.lastUid} < ${lastUid}`);
      assert.ok(mailbox.highestModseq >= modseq, `${name}: modseq ${mailbox.highestModseq} < ${modseq}`);
      assert.equal(new Set(expected.map((ack) => ack.uid)).size, expected.length, `${name}: a UID twice`);
      const uids = expected.map((ack) => toUid(ack.uid)).toSorted((a, b) => a - b);
      const numberOf = new Map(expected.map((ack) => [ack.uid, ack.number]));
      let found = 0;
      for await (const { uid, bytes } of store.readBodies(mailbox.id, uids)) {
        const number = numberOf.get(uid) ?? -1;
        assert.ok(bytes.equals(Buffer.concat([PREFIX, bodyOf(number)])), `${name} uid ${uid}: other bytes`);
        found += 1;
      }
      assert.equal(found, uids.length, `${name}: acknowledged messages are missing`);
      const view = await store.open(mailbox.id);
      const records = Array.from({ length: view.count }, (_, index) => view.record(index));
      view.release();
      assert.equal(mailbox.exists, records.length);
      assert.equal(mailbox.syncCrc, syncCrcs(records).syncCrc, `${name}: CRC`);
    }
  } finally {
    await store.close();
  }
}

test(`every acknowledged message survives ${KILLS} kills`, { timeout: 600_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "rookery-kill9-"));
  const random = new SimRandom(9);
  const acks: Acknowledged[] = [];
  try {
    for (let kill = 0; kill < KILLS; kill += 1) {
      const told = await runAndKill(folder, 1 + kill * 100_000, 1 + random.below(MAX_ACKS_PER_RUN));
      acks.push(...told);
      await verify(folder, acks);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
