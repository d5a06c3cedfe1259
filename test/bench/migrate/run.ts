/**
 * The benchmark of the migration: the first copy, a run without changes, a run with 1 % changes, many users at once. From
 * a real Dovecot into Rookery's store and into another Dovecot, beside `doveadm backup -R imapc:` and mbsync; all on this
 * machine, in the clear, one after the other.
 */
import { execFile, fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { LEAN_ENVIRONMENT, LEAN_FLAGS } from "../../../src/main/lean-process.ts";
import { logIn } from "../../support/imap-peer.ts";
import { startDovecot } from "../../support/peers/dovecot.ts";
import { inNamespace, VMAIL_UID } from "../../support/peers/namespace.ts";
import type { Peer } from "../../support/peers/peer.ts";
import { unpackPeer } from "../../support/peers/unpack.ts";
import { MailPool, MIXED } from "../imap/mail.ts";
import type { WorkerAnswer, WorkerJobs, WorkerStart } from "./worker.ts";

const run = promisify(execFile);
const FOLDERS = 20;
const MANY_USERS = 20;

export interface MigrateBenchOptions {
  readonly rounds: number;
  readonly small: boolean;
  /** Rows; all when empty: store, imap, doveadm, mbsync, users. */
  readonly only: readonly string[];
}

interface Measured {
  readonly firstMs: number;
  readonly againMs: number;
  readonly changedMs: number;
  readonly note: string;
}

export async function runMigrateBench({ rounds, small, only }: MigrateBenchOptions): Promise<void> {
  const messages = small ? 1000 : 5000;
  const folder = mkdtempSync(join(tmpdir(), "rookery-migrate-"));
  chmodSync(folder, 0o755);
  const wants = (row: string): boolean => only.length === 0 || only.includes(row);
  const users = ["alice", ...Array.from({ length: MANY_USERS }, (_, index) => `user${index + 1}`)];
  const passwords = Object.fromEntries(users.map((user) => [user, "secret"]));
  const source = await startDovecot({ folder: join(folder, "source"), users: passwords });
  try {
    await fill(source, "alice", messages);
    console.log(`${messages} messages in ${FOLDERS} folders, mean 10 KiB; load ${loadavg()[0]?.toFixed(1)}`);
    const rows = new Map<string, Measured[]>();
    for (let round = 0; round < rounds; round++) {
      const own = join(folder, `round${round}`);
      mkdirSync(own);
      chmodSync(own, 0o755);
      const measure = async (row: string, work: () => Promise<Measured>): Promise<void> => {
        if (!wants(row)) return;
        const list = rows.get(row) ?? [];
        rows.set(row, list);
        list.push(await work());
        rmSync(own, { recursive: true, force: true });
        mkdirSync(own);
        chmodSync(own, 0o755);
      };
      await measure("doveadm", () => withDoveadm(source, own));
      await measure("store", () => withWorker(source, own, undefined));
      await measure("imap", async () => {
        const target = await startDovecot({ folder: join(own, "target"), users: passwords });
        try {
          return await withWorker(source, own, target);
        } finally {
          await target.stop();
        }
      });
      if (existsSync("/usr/bin/mbsync")) await measure("mbsync", () => withMbsync(source, own, passwords));
    }
    for (const [row, list] of rows) {
      const of = (pick: (one: Measured) => number): number => median(list.map(pick));
      const first = of(({ firstMs }) => firstMs);
      console.log(
        `${row.padEnd(8)} first copy ${first.toFixed(0)} ms = ${((messages / first) * 1000).toFixed(0)}/s, ` +
          `again ${of(({ againMs }) => againMs).toFixed(0)} ms, 1 % changed ${of(({ changedMs }) => changedMs).toFixed(0)} ms  ${list.at(-1)?.note ?? ""}`,
      );
    }
    if (wants("users")) await manyUsers(source, folder, messages);
    console.log(`load at the end ${loadavg()[0]?.toFixed(1)}`);
  } finally {
    await source.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function fill(peer: Peer, user: string, messages: number): Promise<void> {
  const pool = new MailPool(100, MIXED);
  const client = await logIn(imapOf(peer), user, "secret");
  const perFolder = messages / FOLDERS;
  for (let folder = 0; folder < FOLDERS; folder++) {
    const name = folder === 0 ? "INBOX" : `Folder${folder}`;
    if (folder > 0) await client.ok(`CREATE ${name}`);
    const parts = Array.from({ length: perFolder }, () => [` (\\Seen) `, pool.next()]).flat();
    await client.ok(`APPEND ${name}`, ...parts);
  }
  await client.close();
}

/** 1 % of the messages: a third new, a third deleted, a third flagged. */
async function change(peer: Peer, round: number): Promise<void> {
  const pool = new MailPool(10, MIXED, round + 2);
  const client = await logIn(imapOf(peer), "alice", "secret");
  for (const name of ["INBOX", "Folder3", "Folder7", "Folder11"]) {
    await client.ok(`APPEND ${name}`, ...[1, 2, 3, 4].flatMap(() => [" () ", pool.next()]));
    await client.ok(`SELECT ${name}`);
    await client.ok("STORE 1:4 +FLAGS (\\Deleted)");
    await client.ok("EXPUNGE");
    await client.ok("STORE 1:4 +FLAGS (\\Flagged)");
    await client.ok("CLOSE");
  }
  await client.close();
}

function imapOf(peer: Peer): { host: string; port: number } {
  return { host: peer.host, port: peer.ports["imap"] ?? 0 };
}

async function withWorker(source: Peer, own: string, target: Peer | undefined): Promise<Measured> {
  const worker = await startWorker({
    folder: join(own, "worker"),
    source: imapOf(source),
    target: target === undefined ? undefined : imapOf(target),
  });
  try {
    const first = await ask(worker, { users: ["alice"], phase: "PRE_SYNC" });
    await ask(worker, { users: ["alice"], phase: "PRE_SYNC" });
    const again = await ask(worker, { users: ["alice"], phase: "PRE_SYNC" });
    await change(source, 1);
    const changed = await ask(worker, { users: ["alice"], phase: "PRE_SYNC" });
    return {
      firstMs: first.elapsedMs,
      againMs: again.elapsedMs,
      changedMs: changed.elapsedMs,
      note: `${first.saved}+${changed.saved} saved, ${changed.expunged} expunged, CPU ${first.cpuMs.toFixed(0)} ms, RSS ${first.maxRssMiB.toFixed(0)} MiB`,
    };
  } finally {
    worker.disconnect();
    await once(worker, "exit");
  }
}

async function manyUsers(source: Peer, folder: string, messages: number): Promise<void> {
  const users = Array.from({ length: MANY_USERS }, (_, index) => `user${index + 1}`);
  for (const user of users) await fill(source, user, messages / 5);
  const worker = await startWorker({
    folder: join(folder, "users"),
    source: imapOf(source),
    target: undefined,
  });
  const first = await ask(worker, { users, phase: "PRE_SYNC" });
  const again = await ask(worker, { users, phase: "PRE_SYNC" });
  worker.disconnect();
  await once(worker, "exit");
  console.log(
    `users    ${MANY_USERS} at once, ${messages / 5} messages each: ${((first.saved / first.elapsedMs) * 1000).toFixed(0)}/s, ` +
      `again ${again.elapsedMs.toFixed(0)} ms for all (a job ${median(again.jobMs).toFixed(0)} ms in the middle, ` +
      `${(again.cpuMs / MANY_USERS).toFixed(1)} ms of CPU), most memory ${again.maxRssMiB.toFixed(0)} MiB (store included)`,
  );
}

async function startWorker(start: WorkerStart): Promise<ChildProcess> {
  mkdirSync(start.folder, { recursive: true });
  const profile = process.env["MIGRATE_PROFILE"];
  const worker = fork(join(import.meta.dirname, "worker.ts"), {
    // As `serve` begins a worker, and as the launcher sets the cache.
    execArgv: [...LEAN_FLAGS, ...(profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`])],
    env: {
      ...process.env,
      ...LEAN_ENVIRONMENT,
      NODE_COMPILE_CACHE: join(import.meta.dirname, "../../../node_modules/.cache/node"),
    },
  });
  worker.send(start);
  await once(worker, "message");
  return worker;
}

async function ask(worker: ChildProcess, jobs: WorkerJobs): Promise<WorkerAnswer> {
  worker.send(jobs);
  const [answer] = (await once(worker, "message")) as [WorkerAnswer];
  if (answer.failures.length > 0) throw new Error(answer.failures.join("\n"));
  return answer;
}

async function withDoveadm(source: Peer, own: string): Promise<Measured> {
  const target = await startDovecot({ folder: join(own, "target"), users: { alice: "secret" } });
  const root = await unpackPeer("dovecot");
  const { host, port } = imapOf(source);
  const options = { imapc_host: host, imapc_port: port, imapc_user: "alice", imapc_password: "secret" };
  const words = Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  const features = "rfc822.size fetch-headers fetch-bodystructure search modseq";
  const { file, args } = inNamespace(root, join(own, "target", "etc"), [
    "doveadm",
    "-c",
    join(own, "target", "dovecot.conf"),
    ...words,
    "-o",
    `imapc_features=${features}`,
    "-o",
    "mail_prefetch_count=20",
    "backup",
    "-R",
    "-u",
    "alice",
    "imapc:",
  ]);
  const backup = async (): Promise<number> => {
    const startMs = performance.now();
    await run(file, args).catch((error: unknown) => {
      // 2 = what is left is for another run.
      if (!(error instanceof Error && "code" in error && error.code === 2)) throw error;
    });
    return performance.now() - startMs;
  };
  try {
    const firstMs = await backup();
    await backup();
    const againMs = await backup();
    await change(source, 0);
    return { firstMs, againMs, changedMs: await backup(), note: "" };
  } finally {
    await target.stop();
  }
}

async function withMbsync(source: Peer, own: string, passwords: Record<string, string>): Promise<Measured> {
  const target = await startDovecot({ folder: join(own, "target"), users: passwords });
  const side = (name: string, peer: Peer): string =>
    `IMAPAccount ${name}\nHost 127.0.0.1\nPort ${imapOf(peer).port}\nUser alice\nPass secret\nSSLType None\nAuthMechs LOGIN\nPipelineDepth 50\n\n` +
    `IMAPStore ${name}\nAccount ${name}\n\n`;
  const file = join(own, "mbsyncrc");
  writeFileSync(
    file,
    `${side("near", target)}${side("far", source)}Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Near\nRemove Near\nExpunge Near\nSync Pull\nCopyArrivalDate yes\nSyncState ${own}/state/\n`,
    { mode: 0o600 },
  );
  mkdirSync(join(own, "state"));
  chownSync(join(own, "state"), VMAIL_UID, VMAIL_UID);
  chownSync(join(own, "state"), 0, 0);
  const sync = async (): Promise<number> => {
    const startMs = performance.now();
    await run("mbsync", ["-c", file, "-q", "all"]);
    return performance.now() - startMs;
  };
  try {
    const firstMs = await sync();
    const againMs = await sync();
    await change(source, 2);
    return { firstMs, againMs, changedMs: await sync(), note: "" };
  } finally {
    await target.stop();
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}
