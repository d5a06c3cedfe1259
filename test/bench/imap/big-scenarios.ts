/** Rows over a big mailbox (100,000 messages of 2 KiB, a fifth unseen). */
import { setTimeout as sleep } from "node:timers/promises";
import { seededChance } from "../sample-mail.ts";
import { ImapClient } from "./clients.ts";
import { BIG_MAILBOX as MAILBOX, BIG_USER as USER, fillBig as fill } from "./fill.ts";
import { MailPool } from "./mail.ts";
import { repeat, type Sample } from "./sample.ts";
import type { Context, Scenario } from "./scenario.ts";

const WORDS = ["kalu", "mibe", "tasoro", "ve", "duna"];
const REPETITIONS = 5;

export const bigScenarios: readonly Scenario[] = [
  {
    row: "select",
    title: "SELECT after a login, warm",
    shows: "time",
    goal: 1,
    setUp: fill,
    async run({ target }) {
      let client = await ImapClient.login(target, USER);
      const sample = await repeat(
        10,
        () => client.run(`SELECT ${MAILBOX}`),
        async () => {
          client.close();
          client = await ImapClient.login(target, USER);
        },
      );
      client.close();
      return sample;
    },
  },
  {
    row: "select-again",
    title: "SELECT, between two mailboxes in one session",
    shows: "time",
    goal: 1,
    setUp: fill,
    async run({ target }) {
      const client = await ImapClient.login(target, USER);
      await client.run(`SELECT ${MAILBOX}`);
      const sample = await repeat(
        20,
        () => client.run(`SELECT ${MAILBOX}`),
        () => client.run("SELECT INBOX"),
      );
      client.close();
      return sample;
    },
  },
  reading("flags", "FETCH 1:* FLAGS", () => "FETCH 1:* (FLAGS)"),
  reading(
    "envelope",
    "FETCH 1:* of UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE",
    () => {
      return "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)";
    },
    { repetitions: 2 },
  ),
  reading("bodies", "FETCH of 2,000 bodies", (range) => `FETCH ${range} (UID BODY.PEEK[])`),
  reading("bodystructure", "FETCH of 2,000 BODYSTRUCTUREs", (range) => `FETCH ${range} (UID BODYSTRUCTURE)`),
  reading("search-unseen", "SEARCH UNSEEN", () => "SEARCH UNSEEN"),
  reading("search-subject", "SEARCH SUBJECT", (_, turn) => `SEARCH SUBJECT "${WORDS[turn % WORDS.length]!}"`),
  reading(
    "search-text",
    "SEARCH TEXT of a word in one message",
    (_, turn, { size }) => `SEARCH TEXT "${MailPool.word((turn * 7919 + 17) % size.bigMessages)}"`,
    { goal: 10, repetitions: 1 },
  ),
  reading(
    "search-text-part",
    "SEARCH TEXT of a part of many words",
    (_, turn) => {
      return `SEARCH TEXT "${WORDS[turn % WORDS.length]!}"`;
    },
    { goal: 10, repetitions: 1 },
  ),
  reading("sort-date", "SORT (REVERSE DATE)", () => "SORT (REVERSE DATE) UTF-8 ALL"),
  reading("sort-subject", "SORT (SUBJECT)", () => "SORT (SUBJECT) UTF-8 ALL"),
  reading("thread", "THREAD REFERENCES", () => "THREAD REFERENCES UTF-8 ALL", { repetitions: 2 }),
  {
    row: "store-all",
    title: "STORE 1:* ±FLAGS.SILENT",
    shows: "time",
    goal: 1,
    setUp: fill,
    async run({ target }) {
      const client = await select(target);
      const sample = await repeat(4, (index) =>
        client.run(`STORE 1:* ${index % 2 === 0 ? "+" : "-"}FLAGS.SILENT (\\Flagged)`),
      );
      client.close();
      return sample;
    },
  },
  {
    row: "copy-many",
    title: "COPY of 10,000",
    shows: "time",
    goal: 1,
    setUp: fill,
    async run({ target, size }) {
      const client = await select(target);
      const sample = await repeat(
        2,
        async (index) => void (await client.run(`COPY 1:${size.manyMessages} Copy${index}`)),
      );
      client.close();
      return sample;
    },
    before: ({ target }) => remake(target),
  },
  {
    row: "expunge-many",
    title: "EXPUNGE of 10,000",
    shows: "time",
    goal: 1,
    setUp: fill,
    async before({ target, size }) {
      await remake(target);
      const client = await select(target);
      for (const name of ["Copy0", "Copy1"]) {
        await client.run(`SELECT ${MAILBOX}`);
        await client.run(`COPY 1:${size.manyMessages} ${name}`);
        await client.run(`SELECT ${name}`);
        await client.run("STORE 1:* +FLAGS.SILENT (\\Deleted)");
      }
      client.close();
    },
    async run({ target }) {
      const client = await ImapClient.login(target, USER);
      await client.run("SELECT Copy0");
      const sample = await repeat(
        2,
        () => client.run("EXPUNGE"),
        (index) => (index === 0 ? client.run("SELECT Copy1") : Promise.resolve()),
      );
      client.close();
      return sample;
    },
  },
];

/** A row that sends the same kind of command some times. */
function reading(
  row: string,
  title: string,
  command: (range: string, turn: number, context: Context) => string,
  { goal = 1, repetitions = REPETITIONS } = {},
): Scenario {
  return {
    row,
    title,
    shows: "time",
    goal,
    setUp: fill,
    async run(context): Promise<Sample> {
      const client = await select(context.target);
      const { bigMessages } = context.size;
      const turn = context.turns.get(row) ?? 0;
      context.turns.set(row, turn + repetitions);
      const chance = seededChance(turn);
      const count = Math.min(2000, bigMessages);
      let bytes = 0;
      const sample = await repeat(repetitions, async (index) => {
        const first = 1 + Math.floor(chance() * (bigMessages - count));
        const answer = await client.run(command(`${first}:${first + count - 1}`, turn + index, context));
        bytes += answer.bytes;
      });
      client.close();
      return { ...sample, note: `${Math.round(bytes / repetitions / 1024)} KiB an answer` };
    },
  };
}

async function select(target: Context["target"]): Promise<ImapClient> {
  const client = await ImapClient.login(target, USER);
  await client.run(`SELECT ${MAILBOX}`);
  return client;
}

async function remake(target: Context["target"]): Promise<void> {
  const client = await ImapClient.login(target, USER);
  for (const name of ["Copy0", "Copy1"]) {
    await client.attempt(`DELETE ${name}`);
    // Cyrus keeps what is deleted under a name with the second in it: the next one waits for its own.
    if (await client.attempt(`CREATE ${name}`)) continue;
    await sleep(1100);
    await client.run(`DELETE ${name}`);
    await client.run(`CREATE ${name}`);
  }
  client.close();
}
