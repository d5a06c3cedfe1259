/** The rows of the benchmark. */
import { setTimeout as pause } from "node:timers/promises";
import { LmtpClient } from "../imap/clients.ts";
import { MailPool, MIXED } from "../imap/mail.ts";
import { processUse } from "../imap/process-use.ts";
import { Device, NEWS, NO_NEWS } from "./device.ts";
import type { Figure, Row } from "./row.ts";
import type { EasServer } from "./servers.ts";

export const TRUNCATION_BYTES = 512;
/** A user may have 50 devices in Rookery. */
export const HELD_USERS = 4;
const POOL = 200;
const EMPTY_SYNCS = 100;
const NEW_MAILS = 30;
/** Times that one mail is asked for. */
const MAX_ASKED = 100;
const DEVICES = 4;
/** First syncs end by themselves at the server's own limit. */
const FIRST_SYNC_LIMIT_MS = 90_000;
/** With the mailbox that must be synced before: SOGo needs half a minute for 1,000 mails. */
const SYNCED_LIMIT_MS = 120_000;
/** The holds and waits of SOGo at their worst. */
const WAKE_UP_LIMIT_MS = 180_000;
const HELD_LIMIT_MS = 120_000;
/** The shortest that Rookery holds a Ping: MS-ASCMD §2.2.3.79 leaves it to the server. */
const WAKE_HEARTBEAT_SECONDS = 60;
/** After the delivery: three looks of SOGo. */
const WAKE_LIMIT_MS = 30_000;
/** A server that misses so many is not asked further. */
const MAX_MISSED = 2;
const WARM_UP_MS = 15_000;
const SETTLE_MS = 3000;
const BYTES_PER_KIB = 1024;

export interface Mailboxes {
  /** Messages of "small". */
  readonly small: number;
  /** Of "less". */
  readonly less: number;
  /** Of "many", which is there when this is not 0. */
  readonly many: number;
}

export function easRows({ small, less, many }: Mailboxes, phones: Phones): Row[] {
  const title = (count: number, body: string): string => `first sync of ${count} mails, ${body}, window 100`;
  const fast = { rookery: 5000, gateway: 1667 };
  const rows: Row[] = [
    {
      name: "initial",
      title: title(small, "text of 512 bytes"),
      goals: fast,
      limitMs: FIRST_SYNC_LIMIT_MS,
      measure: (server) => firstSync(server, "small", TRUNCATION_BYTES, 1),
    },
    {
      name: "initial-full",
      title: title(small, "whole text"),
      goals: {},
      limitMs: FIRST_SYNC_LIMIT_MS,
      measure: (server) => firstSync(server, "small", undefined, 1),
    },
    {
      name: "devices",
      title: `${DEVICES} devices of a user at once, ${title(small, "text of 512 bytes")}`,
      goals: {},
      limitMs: FIRST_SYNC_LIMIT_MS,
      measure: (server) => firstSync(server, "small", TRUNCATION_BYTES, DEVICES),
    },
    {
      name: "empty",
      title: `Sync without changes, ${small} mails, p50`,
      goals: { rookery: 5 },
      limitMs: SYNCED_LIMIT_MS,
      measure: (server) => withLess(server, less, () => emptySync(server, phones, server.syncedUser)),
    },
    {
      name: "one-new",
      title: `Sync of one new mail, ${small} mails, p50`,
      goals: {},
      limitMs: SYNCED_LIMIT_MS,
      measure: (server) => withLess(server, less, () => oneNew(server, phones, server.syncedUser)),
    },
    {
      name: "wake-up",
      title: "from the answer of LMTP to that of a held Ping, p99",
      goals: { rookery: 100 },
      limitMs: WAKE_UP_LIMIT_MS,
      measure: (server) => wakeUp(server, phones),
    },
    {
      name: "held",
      title: "growth of the processes for a held Ping",
      goals: { rookery: 64 },
      limitMs: HELD_LIMIT_MS,
      measure: (server) => heldMemory(server, phones),
    },
  ];
  if (many > 0) {
    rows.push(
      {
        name: "initial-many",
        title: title(many, "text of 512 bytes"),
        goals: {},
        limitMs: FIRST_SYNC_LIMIT_MS,
        measure: (server) => firstSync(server, "many", TRUNCATION_BYTES, 1),
      },
      {
        name: "empty-many",
        title: `Sync without changes, ${many} mails, p50`,
        goals: { rookery: 5 },
        limitMs: SYNCED_LIMIT_MS,
        measure: (server) => withoutSogo(server, () => emptySync(server, phones, "many")),
      },
      {
        name: "one-new-many",
        title: `Sync of one new mail, ${many} mails, p50`,
        goals: {},
        limitMs: SYNCED_LIMIT_MS,
        measure: (server) => withoutSogo(server, () => oneNew(server, phones, "many")),
      },
    );
  }
  return rows;
}

/**
 * Code that runs for the first time is slow: the first device of a server is not counted. SOGo makes folders for a user
 * when it sees him first, which the other gateway's devices would hear of in the middle of a row.
 */
export async function warmUp(server: EasServer, users: readonly string[]): Promise<void> {
  for (const user of users) (await Device.open(server, user)).close();
  const device = await Device.open(server, "small");
  await device.syncToEnd(TRUNCATION_BYTES, WARM_UP_MS);
  device.close();
}

/** Named in the line: it has less to do than the others. */
async function withLess(server: EasServer, less: number, measure: () => Promise<Figure>): Promise<Figure> {
  const figure = await measure();
  return server.syncedUser === "less" ? { ...figure, more: `of ${less} mails; ${figure.more}` } : figure;
}

/** It would first have to sync a large mailbox, for half an hour. */
function withoutSogo(server: EasServer, measure: () => Promise<Figure>): Promise<Figure | undefined> {
  return server.name === "sogo" ? Promise.resolve(undefined) : measure();
}

/** Devices that have everything; one for each server and user unless they are numbered. */
export class Phones {
  readonly #devices = new Map<string, Promise<Device>>();
  readonly #syncing = new Set<string>();
  /** Not tried again: it would take as long in the next row. */
  readonly #late = new Set<string>();

  synced(server: EasServer, user: string, number = 0): Promise<Device> {
    const key = `${server.name} ${user} ${number}`;
    if (this.#late.has(key)) return Promise.reject(new Error("not synced in time in a row before"));
    let found = this.#devices.get(key);
    if (found === undefined) {
      this.#syncing.add(key);
      found = syncedDevice(server, user).finally(() => this.#syncing.delete(key));
      this.#devices.set(key, found);
    }
    return found;
  }

  /** Of a server whose devices were closed. */
  forget({ name }: EasServer): void {
    for (const key of this.#devices.keys()) {
      if (!key.startsWith(`${name} `)) continue;
      this.#devices.delete(key);
      if (this.#syncing.has(key)) this.#late.add(key);
    }
  }
}

async function syncedDevice(server: EasServer, user: string): Promise<Device> {
  const device = await Device.open(server, user);
  await device.syncToEnd(TRUNCATION_BYTES);
  return device;
}

async function firstSync(
  server: EasServer,
  user: string,
  truncation: number | undefined,
  count: number,
): Promise<Figure> {
  const devices = await Promise.all(Array.from({ length: count }, () => Device.open(server, user)));
  const cpuBefore = cpuMs(server);
  const start = performance.now();
  const done = await Promise.all(
    devices.map((device) => device.syncToEnd(truncation, server.firstSyncLimitMs)),
  );
  const tookMs = performance.now() - start;
  const cpu = cpuMs(server) - cpuBefore;
  const items = done.reduce((sum, one) => sum + one.items, 0);
  for (const device of devices) device.close();
  const cut = done.every(({ complete }) => complete) ? "" : ", cut off";
  const each = ((cpu / items) * 1000).toFixed(0);
  return {
    value: (items / tookMs) * 1000,
    unit: "items/s",
    more: `${items} in ${tookMs.toFixed(0)} ms${cut}, ${each} µs of CPU each`,
    cpuMs: cpu,
  };
}

async function emptySync(server: EasServer, phones: Phones, user: string): Promise<Figure> {
  const device = await phones.synced(server, user);
  await device.syncToEnd(TRUNCATION_BYTES);
  const times: number[] = [];
  const cpuBefore = cpuMs(server);
  for (let turn = 0; turn < EMPTY_SYNCS; turn++) {
    const start = performance.now();
    const operations = await device.syncOnce(TRUNCATION_BYTES);
    times.push(performance.now() - start);
    if (operations !== 0) throw new Error(`${operations} operations where nothing changed`);
  }
  return timesFigure(times, 0.5, cpuMs(server) - cpuBefore);
}

async function oneNew(server: EasServer, phones: Phones, user: string): Promise<Figure> {
  const device = await phones.synced(server, user);
  await device.syncToEnd(TRUNCATION_BYTES);
  const pool = new MailPool(POOL, MIXED, 99);
  const lmtp = await LmtpClient.open(server.target);
  const times: number[] = [];
  let repeated = 0;
  const cpuBefore = cpuMs(server);
  for (let turn = 0; turn < NEW_MAILS; turn++) {
    await lmtp.deliver(pool.next(), [user]);
    const start = performance.now();
    let operations = await device.syncOnce(TRUNCATION_BYTES);
    // A server that looks now and then may not have seen it: a device asks again.
    for (let asked = 1; operations === 0 && asked < MAX_ASKED; asked++) {
      repeated += 1;
      operations = await device.syncOnce(TRUNCATION_BYTES);
    }
    times.push(performance.now() - start);
    if (operations !== 1) throw new Error(`${operations} operations for one mail`);
  }
  lmtp.close();
  const figure = timesFigure(times, 0.5, cpuMs(server) - cpuBefore);
  return repeated === 0 ? figure : { ...figure, more: `${figure.more}; asked again ${repeated} times` };
}

async function wakeUp(server: EasServer, phones: Phones): Promise<Figure> {
  const device = await phones.synced(server, "wake");
  const pool = new MailPool(POOL, MIXED, 98);
  const lmtp = await LmtpClient.open(server.target);
  const times: number[] = [];
  let early = 0;
  let missed = 0;
  while (times.length < server.wakeUps && missed < MAX_MISSED) {
    await device.syncToEnd(TRUNCATION_BYTES);
    let answeredMs = 0;
    const limit = new AbortController();
    // The heartbeat is short: a process of SOGo is taken until it ends, whether anybody listens or not.
    const held = device.hold(limit.signal, WAKE_HEARTBEAT_SECONDS).then(
      ({ status }) => {
        answeredMs = performance.now();
        return status;
      },
      (error: unknown) => {
        if (!limit.signal.aborted) throw error;
        answeredMs = performance.now();
        return NO_NEWS;
      },
    );
    await pause(server.holdsMs[times.length % server.holdsMs.length]);
    if (answeredMs > 0) {
      // News where there are none.
      if (++early > server.wakeUps) throw new Error(`Ping never holds, status ${await held}`);
      continue;
    }
    await lmtp.deliver(pool.next(), ["wake"]);
    const deliveredMs = performance.now();
    const timer = setTimeout(() => limit.abort(), WAKE_LIMIT_MS);
    const status = await held.finally(() => clearTimeout(timer));
    if (status === NO_NEWS) missed += 1;
    else if (status !== NEWS) throw new Error(`Ping got status ${status}`);
    // It may answer before LMTP does.
    times.push(Math.max(0, answeredMs - deliveredMs));
  }
  lmtp.close();
  const figure = timesFigure(times, 0.99);
  const notes = [
    figure.more,
    ...(early === 0 ? [] : [`${early} answers before any delivery`]),
    ...(missed === 0 ? [] : [`${missed} got no answer in ${WAKE_LIMIT_MS / 1000} s, counted as that long`]),
    ...(times.length === server.wakeUps ? [] : [`given up, ${server.wakeUps} were wanted`]),
  ];
  return { ...figure, more: notes.join("; ") };
}

async function heldMemory(server: EasServer, phones: Phones): Promise<Figure> {
  const devices: Device[] = [];
  for (let phone = 0; phone < server.held; phone++) {
    devices.push(await phones.synced(server, `held${phone % HELD_USERS}`, phone));
  }
  await pause(SETTLE_MS);
  const before = server.pids.map(processUse);
  const ends = devices.map(() => new AbortController());
  const held = devices.map((device, at) => device.hold(ends[at]!.signal).catch(() => undefined));
  await pause(SETTLE_MS);
  const after = server.pids.map(processUse);
  for (const end of ends) end.abort();
  await Promise.all(held);
  if (server.holdsByProcess) {
    const [{ memoryBytes, processes } = { memoryBytes: 0, processes: 1 }] = after;
    return { value: memoryBytes / processes / BYTES_PER_KIB, unit: "KiB", more: "a process of its own" };
  }
  const growths = after.map(({ memoryBytes }, at) => memoryBytes - before[at]!.memoryBytes);
  const each = growths.map((bytes) => Math.max(0, bytes) / server.held / BYTES_PER_KIB);
  const shares = each.map((one, at) => {
    const started = after[at]!.processes - before[at]!.processes;
    return started === 0 ? one.toFixed(1) : `${one.toFixed(1)} of the mail server (${started} processes)`;
  });
  return {
    value: each[0] ?? 0,
    unit: "KiB",
    more: `${server.held} held by ${HELD_USERS} users; ${shares.join(" + ")}`,
  };
}

function timesFigure(times: readonly number[], share: number, cpu?: number): Figure {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (part: number): number => sorted[Math.ceil((sorted.length - 1) * part)] ?? 0;
  const parts = [0.5, 0.99, 1].map((part) => at(part).toFixed(2));
  const each = cpu === undefined ? "" : `, ${(cpu / times.length).toFixed(1)} ms of CPU each`;
  return {
    value: at(share),
    unit: "ms",
    more: `p50 ${parts[0]}, p99 ${parts[1]}, max ${parts[2]} ms of ${times.length}${each}`,
  };
}

function cpuMs({ pids }: EasServer): number {
  return pids.reduce((sum, pid) => sum + processUse(pid).cpuMs, 0);
}
