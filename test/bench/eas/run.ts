/**
 * The benchmark of the ActiveSync gateway over the local store: WBXML over HTTP on loopback, the client in this process,
 * the node in its own. Text is truncated at 512 bytes unless a row says "full".
 */
import { mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { EasClient } from "../../../src/eas/client.ts";
import { folderSync, ping, sync, syncedCollection } from "../../../src/eas/client-commands.ts";
import { ImapClient, LmtpClient, type Target } from "../imap/clients.ts";
import { MailPool, MIXED } from "../imap/mail.ts";
import { processUse } from "../imap/process-use.ts";
import { PASSWORD, type Server, starters } from "../imap/servers.ts";

const WINDOW = 100;
const POOL = 1000;
const APPEND_BATCH = 100;
const EMPTY_SYNCS = 200;
const WAKE_UPS = 100;
const HELD = 200;
/** A user has at most so many devices here. */
const HELD_A_USER = 50;
const DEVICES = 4;

export interface EasBenchOptions {
  readonly rounds: number;
  readonly small: boolean;
  /** Rows; all when empty. */
  readonly only: readonly string[];
  readonly profileFolder?: string;
}

interface Bench {
  readonly server: Server;
  readonly url: string;
  readonly options: EasBenchOptions;
}

export async function runEasBench(options: EasBenchOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "rookery-eas-bench-"));
  const many = options.small ? 5_000 : 50_000;
  const heldUsers = Array.from({ length: HELD / HELD_A_USER }, (_, at) => `held${at}`);
  const users = ["small", "many", "wake", ...heldUsers];
  const start = starters["rookery"]!;
  const { profileFolder } = options;
  const server = await start({ folder, users, ...(profileFolder === undefined ? {} : { profileFolder }) });
  try {
    const bench: Bench = { server, url: server.httpUrl ?? "", options };
    console.log(`load ${loadavg()[0]?.toFixed(1)}; mail of 2 to 80 KiB, mean 10 KiB; window ${WINDOW}`);
    await fill(server.target, "small", 5_000);
    await fill(server.target, "many", many);
    await fill(server.target, "wake", 100);
    await row(bench, "initial", () => initialSync(bench, "small", 512));
    await row(bench, "initial full", () => initialSync(bench, "small", undefined));
    await row(bench, "initial many", () => initialSync(bench, "many", 512));
    await row(bench, "4 devices", () => fourDevices(bench));
    await row(bench, "empty", () => emptySync(bench, "small"));
    await row(bench, "empty many", () => emptySync(bench, "many"));
    await row(bench, "one new", () => oneNew(bench, "small"));
    await row(bench, "one new many", () => oneNew(bench, "many"));
    await row(bench, "wake-up", () => wakeUp(bench));
    // Once: a user has a bound of devices.
    const once = { ...bench, options: { ...options, rounds: 1 } };
    await row(once, "held memory", () => heldMemory(bench));
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function row({ options }: Bench, name: string, measure: () => Promise<string>): Promise<void> {
  if (options.only.length > 0 && !options.only.includes(name)) return;
  const told: string[] = [];
  for (let round = 0; round < options.rounds; round++) told.push(await measure());
  console.log(`${name.padEnd(14)} ${told.join("\n               ")}`);
}

async function fill(target: Target, user: string, count: number): Promise<void> {
  const pool = new MailPool(POOL, MIXED);
  const client = await ImapClient.login(target, user);
  for (let done = 0; done < count;) {
    const parts: Buffer[] = [];
    for (const end = Math.min(count, done + APPEND_BATCH); done < end; done++) {
      const message = pool.next();
      parts.push(Buffer.from(`${done % 5 === 0 ? " ()" : " (\\Seen)"} {${message.length}+}\r\n`), message);
    }
    await client.send("APPEND INBOX", parts);
  }
  client.close();
}

let devices = 0;

/** A device that was never seen before, with its folders. */
async function device({ url }: Bench, user: string): Promise<{ client: EasClient; inbox: string }> {
  const client = new EasClient({
    url,
    user,
    password: PASSWORD,
    deviceId: `bench${devices++}`,
    gzip: false,
    version: 161,
  });
  const { adds } = await folderSync(client);
  const inbox = adds.find(({ type }) => type === 2)?.serverId;
  if (inbox === undefined) throw new Error("no inbox");
  return { client, inbox };
}

async function syncToEnd(
  client: EasClient,
  inbox: string,
  truncationSize: number | undefined,
): Promise<{ syncKey: string; items: number }> {
  let syncKey = "0";
  let items = 0;
  for (;;) {
    const root = await sync(client, [
      {
        syncKey,
        collectionId: inbox,
        windowSize: WINDOW,
        filterType: 0,
        bodyPreferences: [{ type: 1, ...(truncationSize === undefined ? {} : { truncationSize }) }],
      },
    ]);
    const answer = syncedCollection(root, inbox);
    if (answer === undefined) return { syncKey, items };
    if (answer.status !== 1) throw new Error(`Sync got status ${answer.status}`);
    items += answer.commands.length;
    const isStart = syncKey === "0";
    ({ syncKey } = answer);
    if (!isStart && !answer.moreAvailable) return { syncKey, items };
  }
}

async function initialSync(bench: Bench, user: string, truncation: number | undefined): Promise<string> {
  const { client, inbox } = await device(bench, user);
  const cpuBefore = processUse(bench.server.pid).cpuMs;
  const start = performance.now();
  const { items } = await syncToEnd(client, inbox, truncation);
  const tookMs = performance.now() - start;
  const cpuMs = processUse(bench.server.pid).cpuMs - cpuBefore;
  client.close();
  return `${items} items in ${tookMs.toFixed(0)} ms = ${((items / tookMs) * 1000).toFixed(0)}/s, server CPU ${cpuMs} ms`;
}

async function fourDevices(bench: Bench): Promise<string> {
  const phones = await Promise.all(Array.from({ length: DEVICES }, () => device(bench, "small")));
  const start = performance.now();
  const done = await Promise.all(phones.map(({ client, inbox }) => syncToEnd(client, inbox, 512)));
  const tookMs = performance.now() - start;
  const items = done.reduce((sum, one) => sum + one.items, 0);
  for (const { client } of phones) client.close();
  return `${items} items in ${tookMs.toFixed(0)} ms = ${((items / tookMs) * 1000).toFixed(0)}/s`;
}

async function emptySync(bench: Bench, user: string): Promise<string> {
  const { client, inbox } = await device(bench, user);
  const { syncKey } = await syncToEnd(client, inbox, 512);
  const times: number[] = [];
  for (let turn = 0; turn < EMPTY_SYNCS; turn++) {
    const start = performance.now();
    const root = await sync(client, [{ syncKey, collectionId: inbox, windowSize: WINDOW }]);
    times.push(performance.now() - start);
    if (root !== undefined) throw new Error("an empty Sync has an answer");
  }
  client.close();
  return told(times);
}

async function oneNew(bench: Bench, user: string): Promise<string> {
  const { client, inbox } = await device(bench, user);
  let { syncKey } = await syncToEnd(client, inbox, 512);
  const pool = new MailPool(POOL, MIXED, 99);
  const lmtp = await LmtpClient.open(bench.server.target);
  const times: number[] = [];
  for (let turn = 0; turn < EMPTY_SYNCS / 4; turn++) {
    await lmtp.deliver(pool.next(), [user]);
    const start = performance.now();
    const root = await sync(client, [{ syncKey, collectionId: inbox, windowSize: WINDOW }]);
    times.push(performance.now() - start);
    const answer = syncedCollection(root, inbox);
    if (answer?.commands.length !== 1) throw new Error(`${answer?.commands.length} operations for one mail`);
    ({ syncKey } = answer);
  }
  lmtp.close();
  client.close();
  return told(times);
}

/** From the 250 of LMTP to the answer of the Ping. */
async function wakeUp(bench: Bench): Promise<string> {
  const { client, inbox } = await device(bench, "wake");
  let { syncKey } = await syncToEnd(client, inbox, 512);
  const pool = new MailPool(POOL, MIXED, 98);
  const lmtp = await LmtpClient.open(bench.server.target);
  const times: number[] = [];
  for (let turn = 0; turn < WAKE_UPS; turn++) {
    const held = ping(client, 300, [inbox]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const delivered = lmtp.deliver(pool.next(), ["wake"]);
    const start = performance.now();
    const [answer] = await Promise.all([held, delivered]);
    times.push(performance.now() - start);
    if (answer.status !== 2) throw new Error(`Ping got status ${answer.status}`);
    const synced = syncedCollection(await sync(client, [{ syncKey, collectionId: inbox }]), inbox);
    ({ syncKey } = synced!);
  }
  lmtp.close();
  client.close();
  return `${told(times)} (delivery included)`;
}

async function heldMemory(bench: Bench): Promise<string> {
  const phones = [];
  for (let phone = 0; phone < HELD; phone++) {
    const one = await device(bench, `held${Math.floor(phone / HELD_A_USER)}`);
    await syncToEnd(one.client, one.inbox, 512);
    phones.push(one);
  }
  const before = processUse(bench.server.pid).memoryBytes;
  const ends = phones.map(() => new AbortController());
  const held = phones.map(({ client, inbox }, at) =>
    ping(client, 600, [inbox], { signal: ends[at]!.signal }).catch(() => undefined),
  );
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const after = processUse(bench.server.pid).memoryBytes;
  for (const end of ends) end.abort();
  await Promise.all(held);
  for (const { client } of phones) client.close();
  return `${((after - before) / HELD / 1024).toFixed(0)} KiB a held Ping (${HELD} held, growth of the process)`;
}

function told(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): string => sorted[Math.floor((sorted.length - 1) * share)]!.toFixed(2);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms (${times.length})`;
}
