/** Mail and changes for the benchmark of replication, the same for every pair. */
import { systemNetwork } from "../../../src/base/io/system-network.ts";
import { LmtpClient } from "../../../src/lmtp/client.ts";
import { logIn, type ImapPeer } from "../../support/imap-peer.ts";

interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export const BODY_BYTES = 8192;
/** Connections that fill a user's mailboxes, and APPENDs under way on each. */
const FILLERS = 8;
const WINDOW = 25;

function message(number: number): Buffer {
  const head = `Subject: message ${number}\r\nFrom: a${number}@example.org\r\nMessage-ID: <${number}@bench>\r\n\r\n`;
  // Not the same line again and again: some bytes differ in every message.
  const line = `${(number * 2_654_435_761) % 4_294_967_296} the quick brown fox jumps over the lazy dog ${number}\r\n`;
  return Buffer.from(
    (head + line.repeat(Math.ceil(BODY_BYTES / line.length))).slice(0, BODY_BYTES - 2) + "\r\n",
  );
}

/** Mailboxes Box0 … with the messages spread over them. Many connections: one would wait for the disk most of the time. */
export async function fill(imap: Endpoint, user: string, mailboxes: number, messages: number): Promise<void> {
  const peers = await Promise.all(Array.from({ length: FILLERS }, () => logIn(imap, user, user)));
  for (let box = 0; box < mailboxes; box++) await peers[0]?.ok(`CREATE Box${box}`);
  await Promise.all(
    peers.map(async (peer, filler) => {
      const own: number[] = [];
      for (let number = 0; number < messages; number++) {
        if ((number % mailboxes) % FILLERS === filler) own.push(number);
      }
      for (let at = 0; at < own.length; at += WINDOW) {
        const some = own.slice(at, at + WINDOW);
        await Promise.all(some.map((number) => peer.append(`Box${number % mailboxes}`, "", message(number))));
      }
      await peer.close();
    }),
  );
}

/** Flags of the first messages of every mailbox, `flags` altogether. */
export async function changeFlags(
  imap: Endpoint,
  user: string,
  mailboxes: number,
  flags: number,
): Promise<void> {
  const peer = await logIn(imap, user, user);
  const each = Math.ceil(flags / mailboxes);
  for (let box = 0; box < mailboxes; box++) {
    await peer.ok(`SELECT Box${box}`);
    await peer.ok(`STORE 1:${each} +FLAGS.SILENT (\\Flagged $Label1)`);
  }
  await peer.close();
}

export async function deliver(lmtp: Endpoint, user: string, count: number): Promise<void> {
  const client = await openLmtp(lmtp);
  for (let number = 0; number < count; number++) await deliverOne(client, user, 1_000_000 + number);
  await client.quit();
}

async function openLmtp(lmtp: Endpoint): Promise<LmtpClient> {
  const client = new LmtpClient(await systemNetwork.connect(lmtp));
  await client.open("bench.example.test");
  return client;
}

async function deliverOne(client: LmtpClient, user: string, number: number): Promise<void> {
  const sent = await client.send({
    sender: "a@example.org",
    recipients: [`${user}@cyrus.test`],
    body: message(number),
  });
  if (sent.accepted !== 1) throw new Error(`delivery was refused: ${JSON.stringify(sent.recipients)}`);
}

/** `rate` deliveries a second for `seconds`; milliseconds from each answer until the replica's INBOX has the message. */
export async function rollingLag(
  lmtp: Endpoint,
  replica: Endpoint,
  user: string,
  { rate, seconds }: { readonly rate: number; readonly seconds: number },
): Promise<readonly number[]> {
  const total = rate * seconds;
  const answeredMs: number[] = [];
  const seenMs: number[] = [];
  const peer = await logIn(replica, user, user);
  const before = await existsOf(peer, "SELECT INBOX", 0);
  const clients = await Promise.all(Array.from({ length: 4 }, () => openLmtp(lmtp)));
  const startedMs = performance.now();
  let next = 0;
  const sending = clients.map(async (client) => {
    for (let number = next++; number < total; number = next++) {
      const dueMs = startedMs + (number * 1000) / rate;
      const waitMs = dueMs - performance.now();
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      await deliverOne(client, user, 2_000_000 + number);
      answeredMs.push(performance.now());
    }
    await client.quit();
  });
  const deadlineMs = startedMs + seconds * 1000 + 60_000;
  let exists = before;
  while (seenMs.length < total && performance.now() < deadlineMs) {
    exists = await existsOf(peer, "NOOP", exists);
    const nowMs = performance.now();
    while (seenMs.length < exists - before) seenMs.push(nowMs);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await Promise.all(sending);
  await peer.close();
  if (seenMs.length < total) throw new Error(`${total - seenMs.length} messages did not arrive`);
  // They arrive in the order of their commits, which is that of their answers but for a few milliseconds.
  return seenMs.map((atMs, index) => Math.max(0, atMs - answeredMs[index]!)).toSorted((a, b) => a - b);
}

async function existsOf(peer: ImapPeer, command: string, before: number): Promise<number> {
  const { untagged } = await peer.ok(command);
  return untagged.findLast(({ name }) => name === "EXISTS")?.number ?? before;
}
