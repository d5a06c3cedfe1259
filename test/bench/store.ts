/**
 * node test/bench/store.ts [ROW]...: the store alone, with its committer in a thread: deliveries, big mailboxes, reading.
 * `stall` is the longest stretch in which the session thread did nothing else.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import type { Uid } from "../../src/base/numbers.ts";
import type { DiskStore } from "../../src/store/disk-store.ts";
import type { MailboxId } from "../../src/store/model.ts";
import { openStore } from "../../src/store/open.ts";
import type { Actor } from "../../src/store/port.ts";

const BY: Actor = { userId: "alice", sessionId: 1 };
const MESSAGES = Number(process.env["BENCH_MESSAGES"] ?? 100_000);
const SECONDS = Number(process.env["BENCH_SECONDS"] ?? 3);
const only = process.argv.slice(2);

interface Run {
  readonly figure: string;
  readonly ms: number;
  readonly stallMs: number;
}

const delay = monitorEventLoopDelay({ resolution: 1 });

async function timed(work: () => Promise<string | undefined>): Promise<Run> {
  await new Promise((resolve) => setTimeout(resolve, 20));
  delay.enable();
  await new Promise((resolve) => setTimeout(resolve, 20));
  delay.reset();
  const startMs = performance.now();
  const figure = await work();
  const ms = performance.now() - startMs;
  await new Promise((resolve) => setTimeout(resolve, 5));
  delay.disable();
  return { figure: figure ?? `${ms.toFixed(1)} ms`, ms, stallMs: delay.max / 1e6 };
}

async function row(name: string, goal: string, work: () => Promise<string | undefined>): Promise<void> {
  const { figure, stallMs } = await timed(work);
  console.log(
    `${name.padEnd(44)}${figure.padStart(18)}  goal ${goal.padEnd(12)} stall ${stallMs.toFixed(1)} ms`,
  );
}

function wanted(name: string): boolean {
  return only.length === 0 || only.includes(name);
}

/** A message of `bytes` bytes that nobody else has. */
function message(number: number, bytes: number): Buffer {
  const head = `From: Ann <ann@example.test>\r\nTo: alice@example.test\r\nSubject: Number ${number}\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\nMessage-ID: <${number}@example.test>\r\nContent-Type: text/plain\r\n\r\n`;
  const body = Buffer.alloc(bytes, "All work and no play makes the mail store slow at last.\r\n");
  body.write(head);
  return body;
}

async function deliveries(store: DiskStore, writers: number, targets: readonly MailboxId[]): Promise<string> {
  let number = 1e6;
  let done = 0;
  const latencies: number[] = [];
  const untilMs = performance.now() + SECONDS * 1000;
  const writer = async (target: MailboxId): Promise<void> => {
    while (performance.now() < untilMs) {
      const startMs = performance.now();
      const body = store.stageBuffer(message(number++, 4096));
      const prefix = Buffer.from("Return-Path: <ann@example.test>\r\n");
      const [result] = await store.deliver(body, [{ mailbox: target, systemFlags: 0, keywords: [], prefix }]);
      if (result?.status !== "delivered") throw new Error(`not delivered: ${JSON.stringify(result)}`);
      latencies.push(performance.now() - startMs);
      done++;
    }
  };
  const startMs = performance.now();
  await Promise.all(Array.from({ length: writers }, (_, i) => writer(targets[i % targets.length]!)));
  const seconds = (performance.now() - startMs) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (part: number) => (latencies[Math.floor(part * latencies.length)] ?? 0).toFixed(2);
  return `${Math.round(done / seconds)}/s ${at(0.5)}/${at(0.99)} ms`;
}

async function fill(store: DiskStore, id: MailboxId, count: number, bytes: number): Promise<void> {
  for (let from = 0; from < count; from += 500) {
    const messages = Array.from({ length: Math.min(500, count - from) }, (_, i) => ({
      body: store.stageBuffer(message(from + i, bytes)),
      systemFlags: 0,
      keywords: [],
    }));
    await store.append(id, messages, BY);
  }
}

function uidsUpTo(count: number): Uid[] {
  return Array.from({ length: count }, (_, i) => (i + 1) as Uid);
}

async function bigMailbox(store: DiskStore, folder: string): Promise<DiskStore> {
  const big = await store.create("user.big", {});
  const other = await store.create("user.big.other", {});
  await row(`fill ${MESSAGES} × 600 bytes, MULTIAPPEND 500`, "", async () => {
    const startMs = performance.now();
    await fill(store, big.id, MESSAGES, 600);
    return `${Math.round((1000 * MESSAGES) / (performance.now() - startMs))}/s`;
  });
  await store.close();
  const again = await openStore({ folder });
  await row(`view load ${MESSAGES}`, "10 ms", async () => {
    (await again.open(big.id)).release();
    return undefined;
  });
  const view = await again.open(big.id);
  const all = uidsUpTo(MESSAGES);
  for (const mode of ["add", "remove"] as const) {
    await row(`storeFlags ${mode} on ${MESSAGES}`, "65 ms", async () => {
      await again.storeFlags(big.id, all, { mode, systemFlags: 4, keywords: [] }, BY);
      return undefined;
    });
  }
  await row(`readSummaries ${MESSAGES}`, "300 ms", async () => {
    let turns = 0;
    for (const { summary } of again.readSummaries(big.id, all)) {
      if (summary.envelope.length === 0) throw new Error("no envelope");
      if (++turns % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    return undefined;
  });
  await row("copy 10,000", "67 ms", async () => {
    await again.copy(big.id, all.slice(0, 10_000), other.id, { move: false }, BY);
    return undefined;
  });
  await row("expunge 10,000", "38 ms", async () => {
    await again.expunge(big.id, all.slice(0, 10_000), { onlyDeleted: false }, BY);
    return undefined;
  });
  await row("move 10,000", "", async () => {
    await again.copy(big.id, all.slice(10_000, 20_000), other.id, { move: true }, BY);
    return undefined;
  });
  view.release();
  return again;
}

async function bodies(store: DiskStore): Promise<void> {
  const { id } = await store.create("user.bodies", {});
  await fill(store, id, 2000, 8192);
  const uids = uidsUpTo(2000);
  for (const run of ["first", "again"]) {
    await row(`readBodies 2,000 × 8 KiB, ${run}`, "31 ms", async () => {
      let bytes = 0;
      for await (const body of store.readBodies(id, uids)) bytes += body.bytes.length;
      if (bytes !== 2000 * 8192) throw new Error(`${bytes} bytes`);
      return undefined;
    });
  }
}

const folder = mkdtempSync(join(tmpdir(), "rookery-bench-"));
console.log(`load ${loadavg().map((load) => load.toFixed(2)).join(" ")}`); // prettier-ignore
try {
  let store = await openStore({ folder });
  if (wanted("deliver")) {
    const targets: MailboxId[] = [];
    for (let i = 0; i < 64; i++) targets.push((await store.create(`user.u${i}`, {})).id);
    await row("deliver 4 KiB, 1 writer", "", () => deliveries(store, 1, targets));
    await row("deliver 4 KiB, 8 writers", "", () => deliveries(store, 8, targets));
    await row("deliver 4 KiB, 64 writers, 64 mailboxes", "15,000/s", () => deliveries(store, 64, targets));
    await row("deliver 4 KiB, 64 writers, 1 mailbox", "15,000/s", () =>
      deliveries(store, 64, targets.slice(0, 1)),
    );
  }
  if (wanted("bodies")) await bodies(store);
  if (wanted("big")) store = await bigMailbox(store, folder);
  await store.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
