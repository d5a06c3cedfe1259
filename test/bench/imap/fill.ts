/** Mailboxes of a known size. */
import { ImapClient } from "./clients.ts";
import { MailPool, SMALL } from "./mail.ts";
import type { Context } from "./scenario.ts";

const BATCH = 100;
/** Commands under way at a time. */
const DEPTH = 4;

/** A mailbox with `count` messages, four of five \Seen; made once. */
export async function fillOnce(
  { target, done }: Context,
  user: string,
  mailbox: string,
  count: number,
  pool: MailPool,
): Promise<void> {
  const name = `${user} ${mailbox}`;
  if (done.has(name)) return;
  const client = await ImapClient.login(target, user);
  await client.attempt(`CREATE ${mailbox}`);
  const capabilities = (await client.runAndCollect("CAPABILITY")).toString("latin1");
  const batch = capabilities.includes("MULTIAPPEND") ? BATCH : 1;
  const underWay: Promise<unknown>[] = [];
  for (let done = 0; done < count;) {
    const parts: Buffer[] = [];
    for (const end = Math.min(count, done + batch); done < end; done++) {
      const message = pool.next();
      parts.push(Buffer.from(`${done % 5 === 0 ? " ()" : " (\\Seen)"} {${message.length}+}\r\n`), message);
    }
    const sent = client.send(`APPEND ${mailbox}`, parts);
    // A failure is thrown where it is waited for.
    sent.catch(() => undefined);
    underWay.push(sent);
    if (underWay.length >= DEPTH * (batch === 1 ? 8 : 1)) await underWay.shift();
  }
  await Promise.all(underWay);
  client.close();
  done.add(name);
}

export const BIG_USER = "big";
export const BIG_MAILBOX = "Big";
/** Different messages of the big mailbox. */
const BIG_POOL = 2000;

/** The big mailbox: message n + 1 has the word of number n. */
export function fillBig(context: Context): Promise<void> {
  const pool = new MailPool(BIG_POOL, SMALL, 2);
  return fillOnce(context, BIG_USER, BIG_MAILBOX, context.size.bigMessages, pool);
}
