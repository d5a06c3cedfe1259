/** Rows of one message at a time, in a mailbox of 2,000. */
import { seededChance } from "../sample-mail.ts";
import { ImapClient } from "./clients.ts";
import { fillOnce } from "./fill.ts";
import { loopFor, toSample } from "./sample.ts";
import type { Context, Scenario } from "./scenario.ts";

const MESSAGES = 2000;
const MAILBOX = "Medium";
/** Deleted and expunged one by one in a run. */
const EXPUNGED = 400;

const fill = (context: Context): Promise<void> =>
  fillOnce(context, context.users[0]!, MAILBOX, MESSAGES, context.mixed);

export const messageScenarios: readonly Scenario[] = [
  fetch("fetch-1", "FETCH BODY.PEEK[] of one message, depth 1, warm", 1),
  fetch("fetch-16", "FETCH BODY.PEEK[] of one message, depth 16, warm", 16),
  {
    row: "store",
    title: "STORE ±FLAGS of one message, depth 1",
    shows: "rate",
    goal: 1,
    setUp: fill,
    async run({ target, users, size }) {
      const client = await open(target, users[0]!);
      const chance = seededChance(3);
      // Set and cleared again, so that every STORE changes something.
      let flagged = 0;
      const sample = await loopFor(size.durationMs, [
        () => {
          const sign = flagged === 0 ? "+" : "-";
          const message = flagged === 0 ? pick(chance) : flagged;
          flagged = flagged === 0 ? message : 0;
          return client.run(`STORE ${message} ${sign}FLAGS (\\Flagged)`);
        },
      ]);
      if (flagged !== 0) await client.run(`STORE ${flagged} -FLAGS (\\Flagged)`);
      client.close();
      return sample;
    },
  },
  {
    row: "expunge",
    title: "STORE \\Deleted and EXPUNGE of one message, depth 1",
    shows: "rate",
    goal: 1,
    setUp: fill,
    async run({ target, users }) {
      const client = await open(target, users[0]!);
      await client.attempt("DELETE Gone");
      await client.run("CREATE Gone");
      await client.run(`COPY 1:${EXPUNGED} Gone`);
      await client.run("SELECT Gone");
      const timesMs: number[] = [];
      const start = performance.now();
      for (let left = EXPUNGED; left > 0; left--) {
        const from = performance.now();
        await client.run("STORE 1 +FLAGS (\\Deleted)");
        await client.run("EXPUNGE");
        timesMs.push(performance.now() - from);
      }
      const sample = toSample(timesMs, performance.now() - start);
      await client.run("CLOSE");
      client.close();
      return sample;
    },
  },
];

function fetch(row: string, title: string, depth: number): Scenario {
  return {
    row,
    title,
    shows: "rate",
    goal: 1,
    setUp: fill,
    async run({ target, users, size }) {
      const client = await open(target, users[0]!);
      const chance = seededChance(2);
      // Workers on one connection keep `depth` commands under way.
      const workers = Array.from(
        { length: depth },
        () => () => client.run(`FETCH ${pick(chance)} (UID BODY.PEEK[])`),
      );
      const sample = await loopFor(size.durationMs, workers);
      client.close();
      return sample;
    },
  };
}

async function open(target: Context["target"], user: string): Promise<ImapClient> {
  const client = await ImapClient.login(target, user);
  await client.run(`SELECT ${MAILBOX}`);
  return client;
}

function pick(chance: () => number): number {
  return 1 + Math.floor(chance() * MESSAGES);
}
