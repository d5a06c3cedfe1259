/** Replication of a whole user, of nothing, of a day's changes, and the lag of a rolling channel: Rookery and Cyrus in turn. */
import { loadavg } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { changeFlags, deliver, fill, rollingLag } from "./load.ts";
import { startCyrusPair, startRookeryPair, type SyncBenchPair } from "./pairs.ts";

export interface SyncBenchOptions {
  readonly rounds: number;
  readonly small: boolean;
}

const MAILBOXES = 50;
const MESSAGES = 20_000;
const SMALL_MESSAGES = 2_000;
const FLAGS = 2_000;
const DELIVERIES = 500;
const RATE = 200;
const LAG_SECONDS = 10;
/** All of it: on a busy machine rounds are left out, at least one is run. */
const MAX_MS = 9 * 60_000;
/** Before a run without changes: the new mail is in the text index, and kept connections are closed, so both ends log in. */
const SETTLE_MS = 8_000;
/** Of that for the rolling lag and the end. */
const LAG_MS = 60_000;

interface Row {
  readonly name: string;
  readonly unit: "messages/s" | "ms";
  /** Rookery against Cyrus; undefined = only the figure counts. */
  readonly goalRatio?: number;
  readonly goalMs?: number;
  readonly values: Map<string, number[]>;
}

function row(name: string, unit: Row["unit"], goal: Pick<Row, "goalRatio" | "goalMs"> = {}): Row {
  return { name, unit, values: new Map(), ...goal };
}

export async function runSyncBench({ rounds, small }: SyncBenchOptions): Promise<void> {
  const messages = small ? SMALL_MESSAGES : MESSAGES;
  const users = [...Array.from({ length: rounds }, (_, index) => `u${index}`), "lag"];
  const initial = row(`initial sync of ${messages} x 8 KiB in ${MAILBOXES} mailboxes`, "messages/s", {
    goalRatio: 3,
  });
  const unchanged = row("run without changes, one user, after a while", "ms", { goalMs: 20 });
  const again = row("the same at once again", "ms", { goalMs: 20 });
  const catchUp = row(`catch-up of ${FLAGS} flags and ${DELIVERIES} deliveries`, "ms");
  const lag50 = row(`rolling lag at ${RATE} deliveries/s, p50`, "ms");
  const lag99 = row(`rolling lag at ${RATE} deliveries/s, p99`, "ms", { goalMs: 50 });
  const rookery = await startRookeryPair();
  const cyrus = await startCyrusPair(users);
  const pairs: readonly SyncBenchPair[] = [rookery, cyrus];
  const put = ({ values }: Row, pair: SyncBenchPair, value: number): void => {
    values.set(pair.name, [...(values.get(pair.name) ?? []), value]);
  };
  const startedMs = performance.now();
  let done = 0;
  try {
    for (const user of users) await rookery.addUser(user);
    await cyrus.addUser("lag");
    for (let longestMs = 0; done < rounds; done++) {
      const roundMs = performance.now();
      if (done > 0 && roundMs - startedMs + longestMs > MAX_MS - LAG_MS) break;
      const user = users[done]!;
      await fill(rookery.master.imap, user, MAILBOXES, messages);
      await rookery.copy(user, cyrus.master.csync);
      console.log(`round ${done + 1} of ${rounds}, load ${loadavg()[0]?.toFixed(1)}`);
      // Who is first changes from round to round.
      const inTurn = done % 2 === 0 ? pairs : pairs.toReversed();
      for (const pair of inTurn) put(initial, pair, messages / ((await pair.sync(user)) / 1000));
      await sleep(SETTLE_MS);
      for (const pair of inTurn) put(unchanged, pair, await pair.sync(user));
      for (const pair of inTurn) put(again, pair, await pair.sync(user));
      for (const pair of inTurn) {
        await changeFlags(pair.master.imap, user, MAILBOXES, FLAGS);
        await deliver(pair.master.lmtp, user, DELIVERIES);
        put(catchUp, pair, await pair.sync(user));
      }
      longestMs = Math.max(longestMs, performance.now() - roundMs);
    }
    for (const each of [initial, unchanged, again, catchUp]) print(each);
    for (const pair of pairs) {
      await pair.sync("lag");
      await pair.welcome("lag");
      await pair.startRolling();
      await deliver(pair.master.lmtp, "lag", RATE);
      const { lmtp } = pair.master;
      const options = { rate: RATE, seconds: LAG_SECONDS };
      const lags = await rollingLag(lmtp, pair.replica, "lag", options);
      put(lag50, pair, lags[Math.floor(lags.length * 0.5)]!);
      put(lag99, pair, lags[Math.floor(lags.length * 0.99)]!);
    }
  } finally {
    for (const pair of pairs) await pair.stop();
  }
  for (const each of [lag50, lag99]) print(each);
  console.log(
    `load ${loadavg()[0]?.toFixed(1)}; median of ${done} rounds of ${rounds} asked for; no TLS, no compression at either side`,
  );
}

/** The ratio first: over 1 is better. */
function print({ name, unit, values, goalRatio, goalMs }: Row): void {
  const own = median(values.get("rookery") ?? []);
  const theirs = median(values.get("cyrus") ?? []);
  const ratio = unit === "ms" ? theirs / own : own / theirs;
  const missed = (goalRatio !== undefined && ratio < goalRatio) || (goalMs !== undefined && own > goalMs);
  const goal = goalRatio !== undefined ? `${goalRatio}x` : goalMs !== undefined ? `${goalMs} ms` : "-";
  const text = (value: number): string => value.toFixed(unit === "ms" ? 1 : 0);
  console.log(
    `${ratio.toFixed(2)}x${missed ? " (goal missed)" : ""}  ${name}: rookery ${text(own)} ${unit}, cyrus ${text(theirs)} ${unit}, goal ${goal}`,
  );
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
