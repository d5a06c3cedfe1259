/** Disks that fill up, go read-only or fail: the right refusal, nothing half done, and it goes on when they are well. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { StoreError } from "../../src/store/errors.ts";
import type { Mailbox } from "../../src/store/model.ts";
import type { DeliveryTarget } from "../../src/store/port.ts";
import type { FaultCode } from "./sim-disk.ts";
import { SimulatedStore } from "./simulated-store.ts";
import { StoreModel } from "./store-model.ts";
import { verifyStore } from "./store-verify.ts";
import { ACTOR } from "./store-workload.ts";

/** More than the zeros that a segment has ahead of its end. */
const ROOM_BYTES = 2 * 1024 * 1024;
const NO_FLAGS = { systemFlags: 0, keywords: [] };

class Bench {
  readonly simulated = new SimulatedStore(1);
  readonly model = new StoreModel();

  async start(): Promise<Mailbox> {
    const store = await this.simulated.open();
    const mailbox = await store.create("user.alice", {});
    this.model.created(mailbox.uniqueId, mailbox.name, mailbox.uidValidity, mailbox.highestModseq);
    await this.append("before");
    return this.mailbox();
  }

  mailbox(): Mailbox {
    return this.simulated.store.mailboxes.get("user.alice");
  }

  body(text: string, sizeBytes = 2000): Buffer {
    return Buffer.from(`Subject: ${text}\r\n\r\n${"x".repeat(sizeBytes)}`);
  }

  async append(text: string, sizeBytes?: number): Promise<void> {
    const { store } = this.simulated;
    const body = this.model.handIn(this.body(text, sizeBytes));
    const message = { body: store.stageBuffer(body), ...NO_FLAGS };
    const { uids, modseq } = await store.append(this.mailbox().id, [message], ACTOR);
    const known = this.model.mailboxes.get(this.mailbox().uniqueId);
    assert.ok(known !== undefined && uids[0] !== undefined);
    this.model.appended(known, uids[0], body, NO_FLAGS, modseq);
  }

  async refusal(text: string, sizeBytes?: number): Promise<string> {
    try {
      await this.append(text, sizeBytes);
    } catch (error) {
      return error instanceof StoreError ? error.code : `no refusal but ${String(error)}`;
    }
    return "accepted";
  }

  async deliveryRefusal(text: string, sizeBytes?: number): Promise<string> {
    const { store } = this.simulated;
    const target: DeliveryTarget = {
      mailbox: this.mailbox().id,
      ...NO_FLAGS,
      prefix: Buffer.from("X: y\r\n"),
    };
    const [result] = await store.deliver(store.stageBuffer(this.body(text, sizeBytes)), [target]);
    if (result?.status !== "refused") return result?.status ?? "nothing";
    return result.error instanceof StoreError ? result.error.code : String(result.error);
  }

  async verify(): Promise<void> {
    await verifyStore(this.simulated.store, this.model);
  }

  async crashAndVerify(): Promise<void> {
    this.simulated.disk.crash();
    await this.simulated.restart();
    await this.verify();
  }
}

async function withBench(run: (bench: Bench) => Promise<void>): Promise<void> {
  const bench = new Bench();
  try {
    await run(bench);
  } finally {
    bench.simulated.disk.fault = undefined;
    await bench.simulated.dispose();
  }
}

describe("store on a bad disk", () => {
  test("disk full: refused with disk_full, nothing changed, goes on when there is room", () =>
    withBench(async (bench) => {
      const before = await bench.start();
      const { disk } = bench.simulated;
      disk.capacityBytes = disk.usedBytes() + 1000;
      assert.equal(await bench.refusal("too much", ROOM_BYTES), "disk_full");
      assert.equal(await bench.deliveryRefusal("too much, too", ROOM_BYTES), "disk_full");
      assert.deepEqual(bench.mailbox(), before);
      await bench.verify();
      disk.capacityBytes = Number.POSITIVE_INFINITY;
      await bench.append("after");
      await bench.verify();
      await bench.crashAndVerify();
    }));

  test("disk full while a big body is staged: refused, and the staged part is gone", () =>
    withBench(async (bench) => {
      const before = await bench.start();
      const { disk, store } = bench.simulated;
      const used = disk.usedBytes();
      disk.capacityBytes = used + 100_000;
      const writer = store.stage(8_000_000);
      const chunk = Buffer.alloc(64 * 1024, 0x61);
      await assert.rejects(
        async () => {
          for (let at = 0; at < 8_000_000; at += chunk.length) await writer.write(chunk);
          const body = await writer.finish();
          await store.append(before.id, [{ body, ...NO_FLAGS }], ACTOR);
        },
        { code: "disk_full" },
      );
      writer.discard();
      assert.deepEqual(bench.mailbox(), before);
      disk.capacityBytes = Number.POSITIVE_INFINITY;
      await bench.append("after");
      await bench.verify();
      assert.ok(disk.usedBytes() < used + 100_000, "the staged part is still there");
    }));

  const FAILURES: readonly (readonly [FaultCode, string])[] = [
    ["EROFS", "disk_failed"],
    ["EIO", "disk_failed"],
    ["EDQUOT", "disk_full"],
  ];
  for (const [code, expected] of FAILURES) {
    for (const kind of ["write", "sync", "any"]) {
      test(`${code} at ${kind}: refused with ${expected}, goes on afterwards`, () =>
        withBench(async (bench) => {
          const before = await bench.start();
          const { disk } = bench.simulated;
          disk.fault = (entry) => (kind === "any" || entry.kind === kind ? code : undefined);
          assert.equal(await bench.refusal("bad"), expected);
          assert.equal(await bench.deliveryRefusal("bad, too"), expected);
          assert.deepEqual(bench.mailbox(), before);
          disk.fault = undefined;
          await bench.append("after");
          await bench.append("after again");
          await bench.verify();
          // What a failed sync left is not taken for durable by the next one.
          await bench.crashAndVerify();
          await bench.append("after the crash");
          await bench.verify();
        }));
    }
  }

  test("one failed sync in a batch refuses the batch and no message of a later one is lost", () =>
    withBench(async (bench) => {
      await bench.start();
      const { disk } = bench.simulated;
      let failed = false;
      disk.fault = (entry) => {
        if (failed || entry.kind !== "sync") return undefined;
        failed = true;
        return "EIO";
      };
      const answers = await Promise.all([bench.refusal("one"), bench.refusal("two"), bench.refusal("three")]);
      assert.ok(answers.includes("disk_failed"), answers.join(", "));
      await bench.append("four");
      await bench.crashAndVerify();
    }));
});
