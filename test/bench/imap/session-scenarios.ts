/** Rows about connections: logins, idle connections, notification, and everything at once. */
import { setTimeout as sleep } from "node:timers/promises";
import { seededChance } from "../sample-mail.ts";
import { ImapClient, LmtpClient, type Target } from "./clients.ts";
import { BIG_MAILBOX, BIG_USER, fillBig } from "./fill.ts";
import { loopFor, toSample } from "./sample.ts";
import type { Context, Scenario } from "./scenario.ts";

const LOGINS_AT_A_TIME = 8;
const IDLE_OPENED_AT_A_TIME = 16;
const NOTIFICATIONS = 100;
const PROBE_EVERY_MS = 5;
const MIXED_FACTOR = 4;

const idle: ImapClient[] = [];

export const sessionScenarios: readonly Scenario[] = [
  {
    row: "login",
    title: "connect, LOGIN, LOGOUT; 8 at a time, known passwords",
    shows: "rate",
    goal: 2,
    async setUp({ target, users }) {
      for (const user of users) await loginAndOut(target, user);
    },
    run({ target, users, size }) {
      let turn = 0;
      const step = (): Promise<void> => loginAndOut(target, users[turn++ % users.length]!);
      return loopFor(
        size.durationMs,
        Array.from({ length: LOGINS_AT_A_TIME }, () => step),
      );
    },
  },
  {
    row: "idle",
    title: "memory of a connection in IDLE with INBOX selected (KiB)",
    shows: "memory",
    goal: 1,
    async run({ target, users, size }) {
      const isPeer = target.name.startsWith("dovecot") || target.name === "cyrus";
      const count = isPeer ? size.idleConnectionsOfPeers : size.idleConnections;
      const timesMs: number[] = [];
      const start = performance.now();
      let opened = 0;
      const open = async (): Promise<void> => {
        while (opened < count) {
          const from = performance.now();
          const client = await ImapClient.login(target, users[opened++ % users.length]!);
          await client.run("SELECT INBOX");
          await startIdle(client);
          idle.push(client);
          timesMs.push(performance.now() - from);
        }
      };
      await Promise.all(Array.from({ length: IDLE_OPENED_AT_A_TIME }, open));
      const elapsedMs = performance.now() - start;
      // Buffers of the logins are given back.
      await sleep(3000);
      return toSample(timesMs, elapsedMs, 1, `${count} connections`);
    },
    async after() {
      for (const client of idle.splice(0)) client.close();
      await sleep(500);
    },
  },
  {
    row: "notify",
    title: "from the LMTP answer to the EXISTS in IDLE",
    shows: "time",
    goal: 1,
    async run({ target, users, small }) {
      const user = users[1]!;
      const lmtp = await LmtpClient.open(target);
      const imap = await ImapClient.login(target, user);
      await imap.run("SELECT INBOX");
      await startIdle(imap);
      const timesMs: number[] = [];
      for (let index = 0; index < NOTIFICATIONS && sum(timesMs) < 10_000; index++) {
        const told = imap.link.expect("* ");
        const { atMs } = await lmtp.deliver(small.next(), [user]);
        timesMs.push(Math.max(0.001, (await told).atMs - atMs));
        // Further lines of this notification must not count for the next.
        await sleep(5);
      }
      lmtp.close();
      imap.close();
      return toSample(timesMs, sum(timesMs));
    },
  },
  {
    row: "mixed",
    title: "everything at once: time of a NOOP beside it",
    shows: "time",
    goal: 1,
    setUp: fillBig,
    run: runMixed,
  },
];

/** 4 deliverers, 4 readers of bodies, 1 of 2,000 envelopes, 1 searcher, 2 that change flags, 2 that log in; a prober. */
async function runMixed({ target, users, mixed, size }: Context): Promise<ReturnType<typeof toSample>> {
  const chance = seededChance(7);
  const some = (): number => 1 + Math.floor(chance() * (size.bigMessages - 2000));
  const lmtp = await Promise.all(Array.from({ length: 4 }, () => LmtpClient.open(target)));
  const imap = await Promise.all(Array.from({ length: 9 }, () => ImapClient.login(target, BIG_USER)));
  for (const client of imap) await client.run(`SELECT ${BIG_MAILBOX}`);
  const [probe, ...others] = imap as [ImapClient, ...ImapClient[]];
  const commands: (() => string)[] = [
    ...Array.from({ length: 4 }, () => () => `FETCH ${some()} (UID BODY.PEEK[])`),
    () => ((first) => `FETCH ${first}:${first + 1999} (UID FLAGS ENVELOPE)`)(some()),
    () => `SEARCH SUBJECT "needle${some()}"`,
    ...Array.from({ length: 2 }, () => () => `STORE ${some()} +FLAGS.SILENT (\\Flagged)`),
  ];
  let turn = 0;
  const user = (): string => users[turn++ % users.length]!;
  const times: number[] = [];
  const over = new AbortController();
  const probing = (async () => {
    while (!over.signal.aborted) {
      times.push((await probe.run("NOOP")).tookMs);
      await sleep(PROBE_EVERY_MS);
    }
  })();
  const sample = await loopFor(size.durationMs * MIXED_FACTOR, [
    ...lmtp.map((client) => () => client.deliver(mixed.next(), [user()])),
    ...others.map((client, index) => () => client.run(commands[index]!())),
    ...Array.from({ length: 2 }, () => () => loginAndOut(target, user())),
  ]);
  over.abort();
  await probing;
  for (const client of [...lmtp, ...imap]) client.close();
  const rate = Math.round((sample.operations / sample.elapsedMs) * 1000);
  return toSample(
    times,
    times.reduce((all, one) => all + one, 0),
    1,
    `${rate} operations/s beside it`,
  );
}

async function loginAndOut(target: Target, user: string): Promise<void> {
  const client = await ImapClient.login(target, user);
  await client.run("LOGOUT");
  client.close();
}

async function startIdle(client: ImapClient): Promise<void> {
  const going = client.link.expect("+ ");
  client.link.write("i IDLE\r\n");
  await going;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
