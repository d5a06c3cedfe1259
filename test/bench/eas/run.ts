/**
 * The benchmark of ActiveSync for mail: WBXML over HTTP on loopback, protocol 14.1, the devices in this process, each
 * server in its own. Servers take turns; the one that begins changes from round to round.
 */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { ImapClient } from "../imap/clients.ts";
import { MailPool, MIXED } from "../imap/mail.ts";
import { Device } from "./device.ts";
import { type Figure, type Row, rowLines } from "./row.ts";
import { easRows, HELD_USERS, Phones, warmUp } from "./rows.ts";
import { DOMAIN, type EasServer, SERVER_NAMES, startEasServers } from "./servers.ts";

const POOL = 1000;
const APPEND_BATCH = 100;
const WAKE_MAILS = 50;
const SMALL = 5000;
const SMALL_QUICK = 500;
const LESS = 1000;
const MANY = 50_000;

export interface EasBenchOptions {
  readonly rounds: number;
  /** A tenth of the messages. */
  readonly small: boolean;
  /** With a mailbox of 50,000. */
  readonly many: boolean;
  /** Rows; all when empty. */
  readonly only: readonly string[];
  /** All when empty. */
  readonly servers: readonly string[];
  readonly profileFolder?: string;
}

export async function runEasBench(options: EasBenchOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "rookery-eas-bench-"));
  // Dovecot and SOGo run as other users.
  chmodSync(folder, 0o755);
  const names = options.servers.length === 0 ? SERVER_NAMES : options.servers;
  const small = options.small ? SMALL_QUICK : SMALL;
  const less = Math.min(small, LESS);
  const many = options.many ? MANY : 0;
  const heldUsers = Array.from({ length: HELD_USERS }, (_, at) => `held${at}`);
  const users = ["small", "less", "many", "wake", ...heldUsers];
  const { profileFolder } = options;
  const servers = await startEasServers({
    folder,
    users,
    names,
    ...(profileFolder === undefined ? {} : { profileFolder }),
  });
  try {
    const filled = new Set<number>();
    for (const { target } of servers.all) {
      // Two servers may have the same mail.
      if (filled.has(target.imapPort)) continue;
      filled.add(target.imapPort);
      const sizes: Record<string, number> = { small, less, many, wake: WAKE_MAILS };
      for (const user of users) await fill(target, user, sizes[user] ?? 1);
    }
    for (const server of servers.all) await warmUp(server, users);
    console.log(
      `load ${load()}; in the clear; mail of 2 to 80 KiB, mean 10 KiB, a sixth multipart; ${options.rounds} rounds`,
    );
    const phones = new Phones();
    const rows = easRows({ small, less, many }, phones);
    for (const row of rows) {
      if (options.only.length > 0 && !options.only.includes(row.name)) continue;
      const lines = await inTurns(row, servers.all, options.rounds, phones);
      console.log(`${lines.join("\n")}\n           load ${load()}`);
    }
  } finally {
    await servers.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function inTurns(
  row: Row,
  servers: readonly EasServer[],
  rounds: number,
  phones: Phones,
): Promise<string[]> {
  const measured = new Map<string, (Figure | { readonly error: string })[]>();
  for (const { name } of servers) measured.set(name, []);
  for (let round = 0; round < rounds; round++) {
    for (const server of round % 2 === 0 ? servers : servers.toReversed()) {
      if (round >= (server.maxRounds ?? rounds)) continue;
      const figures = measured.get(server.name)!;
      try {
        const figure = await inTime(row, server, phones);
        if (figure !== undefined) figures.push(figure);
      } catch (error) {
        figures.push({ error: error instanceof Error ? error.message : String(error) });
      }
    }
  }
  return rowLines(row, measured);
}

/** What a measurement waits for is closed at its limit, so that nothing of it runs beside the next one. */
async function inTime(row: Row, server: EasServer, phones: Phones): Promise<Figure | undefined> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new Error(`no answer in ${row.limitMs / 1000} s`));
    Device.closeAll(server);
    phones.forget(server);
  }, row.limitMs);
  try {
    return await Promise.race([row.measure(server), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function load(): string {
  return loadavg()[0]?.toFixed(1) ?? "";
}

async function fill(target: EasServer["target"], user: string, count: number): Promise<void> {
  const pool = new MailPool(POOL, MIXED);
  const client = await ImapClient.login(target, `${user}@${DOMAIN}`);
  for (let done = 0; done < count;) {
    const parts: Buffer[] = [];
    for (const end = Math.min(count, done + APPEND_BATCH); done < end; done++) {
      const message = pool.next();
      parts.push(Buffer.from(`${done % 5 === 0 ? " ()" : " (\\Seen)"} {${message.length}+}\r\n`), message);
    }
    await client.send("APPEND INBOX", parts);
  }
  // Dovecot counts modseqs of a mailbox from the first client on that asks for them; until then SOGo takes it for one that
  // never changes, and tells a Ping of nothing.
  await client.run("SELECT INBOX (CONDSTORE)");
  client.close();
}
