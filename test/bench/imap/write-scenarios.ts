/** Rows that store mail: LMTP and APPEND. */
import { ImapClient, LmtpClient } from "./clients.ts";
import { loopFor } from "./sample.ts";
import type { Sample } from "./sample.ts";
import type { Context, Scenario } from "./scenario.ts";

const MULTIAPPEND_MESSAGES = 50;
const MANY_RECIPIENTS = 16;

export const writeScenarios: readonly Scenario[] = [
  lmtp("lmtp-1", "LMTP, 1 connection, 16 users in turn", 1, 1, (users, turn) => [
    users[turn % users.length]!,
  ]),
  lmtp("lmtp-8", "LMTP, 8 connections, 16 users in turn", 8, 3, (users, turn) => [
    users[turn % users.length]!,
  ]),
  lmtp("lmtp-8-one", "LMTP, 8 connections, one user", 8, 1, (users) => [users[0]!]),
  lmtp("lmtp-many", `LMTP, 1 connection, ${MANY_RECIPIENTS} recipients a message`, 1, 1, (users) =>
    users.slice(0, MANY_RECIPIENTS),
  ),
  append("append-1", "APPEND, 1 connection", 1, 1),
  append("append-4", "APPEND, 4 connections, own mailboxes", 4, 2),
  append("append-16", "APPEND, 16 connections, own mailboxes", 16, 3),
  {
    row: "multiappend",
    title: `MULTIAPPEND of ${MULTIAPPEND_MESSAGES} small messages, 1 connection (messages)`,
    shows: "rate",
    goal: 1,
    run: (context) =>
      withClients(
        context,
        1,
        (client) => async () => {
          const parts: Buffer[] = [];
          for (let index = 0; index < MULTIAPPEND_MESSAGES; index++) {
            const message = context.small.next();
            parts.push(Buffer.from(` {${message.length}+}\r\n`), message);
          }
          await client.send("APPEND INBOX", parts);
        },
        MULTIAPPEND_MESSAGES,
      ),
  },
];

function lmtp(
  row: string,
  title: string,
  connections: number,
  goal: number,
  recipients: (users: readonly string[], turn: number) => readonly string[],
): Scenario {
  return {
    row,
    title,
    shows: "rate",
    goal,
    async run({ target, size, mixed, users }) {
      const clients = await Promise.all(Array.from({ length: connections }, () => LmtpClient.open(target)));
      const some = users.slice(0, MANY_RECIPIENTS);
      let turn = 0;
      const sample = await loopFor(
        size.durationMs,
        clients.map((client) => () => client.deliver(mixed.next(), recipients(some, turn++))),
      );
      for (const client of clients) client.close();
      return sample;
    },
  };
}

function append(row: string, title: string, connections: number, goal: number): Scenario {
  return {
    row,
    title,
    shows: "rate",
    goal,
    run: (context) =>
      withClients(context, connections, (client) => () => {
        const message = context.mixed.next();
        return client.send(`APPEND INBOX {${message.length}+}\r\n`, [message]);
      }),
  };
}

async function withClients(
  { target, size, users }: Context,
  connections: number,
  step: (client: ImapClient) => () => Promise<unknown>,
  perOperation = 1,
): Promise<Sample> {
  const clients = await Promise.all(
    Array.from({ length: connections }, (_, index) => ImapClient.login(target, users[index % users.length]!)),
  );
  const sample = await loopFor(size.durationMs, clients.map(step), perOperation);
  for (const client of clients) client.close();
  return sample;
}
