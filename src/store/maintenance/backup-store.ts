/**
 * A backup of a whole data folder while it is served, and its restore.
 *
 *   <target>/manifest.json                    what belongs to it; written last
 *   <target>/index.sqlite, directory.sqlite … databases, each copied from one snapshot
 *   <target>/segments/<place>/<id>.seg        closed segments as hard links where that is possible, else copies; the
 *                                             growing ones copied up to the length that the snapshot knows
 *   <target>/files/…                          certificates, keys and the other files of the folder
 *
 * A second backup into the same folder copies only segments that are new or have grown. No segment goes away while it
 * runs (`hold`), so the snapshot and the files fit.
 */
import { constants, existsSync } from "node:fs";
import * as fs from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import Database from "better-sqlite3";
import { StoreError } from "../errors.ts";

export const MANIFEST = "manifest.json";
const FORMAT = 1;
const COPY_BYTES = 1024 * 1024;
/** Bytes at both ends of a segment that tell whether two files are the same. */
const PROBE_BYTES = 4096;
/** Belongs to the running process, is copied otherwise, or can be made again. */
const NOT_COPIED =
  /^(segments|staging|text-index\.sqlite.*|.*\.sqlite(-wal|-shm)?|.*\.(lock|pid|sock)(-journal)?)$/;
const NOT_BACKED_UP = new Set(["text-index.sqlite"]);
/** What phones know: older than the mailboxes in a backup, never newer. A phone that knew more has a key that nobody knows. */
export const PHONE_STATES = "activesync.sqlite";

export interface BackupSegment {
  readonly place: string;
  readonly id: number;
  readonly sizeBytes: number;
}

export interface BackupManifest {
  readonly format: number;
  readonly takenAt: string;
  /** Of the store: which commit the backup has. */
  readonly commit: number;
  readonly databases: readonly string[];
  readonly segments: readonly BackupSegment[];
  readonly files: readonly string[];
}

export interface BackupOptions {
  readonly folder: string;
  readonly target: string;
  /** Copies also where a hard link would do: the backup then shares no blocks with the store. */
  readonly isCopy: boolean;
  readonly nowMs: number;
  readonly onProgress?: (what: string, done: number, total: number) => void;
}

export interface BackupReport {
  readonly commit: number;
  readonly segments: number;
  readonly linked: number;
  readonly copied: number;
  readonly copiedBytes: number;
}

/** Call while segments are held. @throws StoreError mailbox_operation_invalid when the target is something else */
export async function backupStore(options: BackupOptions): Promise<BackupReport> {
  const { folder, target } = options;
  await prepareTarget(target);
  const databases = (await fs.readdir(folder))
    .filter((name) => name.endsWith(".sqlite") && !NOT_BACKED_UP.has(name))
    .toSorted((a, b) => Number(b === PHONE_STATES) - Number(a === PHONE_STATES));
  const fresh = new Map<string, string>();
  let snapshot: { commit: number; segments: (BackupSegment & { readonly isClosed: boolean })[] } | undefined;
  for (const name of databases) {
    const copy = join(target, `${name}.new`);
    await fs.rm(copy, { force: true });
    await copyDatabase(join(folder, name), copy, (done, total) => options.onProgress?.(name, done, total));
    fresh.set(copy, join(target, name));
    if (name === "index.sqlite") snapshot = readSnapshot(copy);
  }
  if (snapshot === undefined) throw new StoreError("disk_failed", `"${folder}" has no index.sqlite`);
  const report = {
    commit: snapshot.commit,
    segments: snapshot.segments.length,
    linked: 0,
    copied: 0,
    copiedBytes: 0,
  };
  for (const [done, segment] of snapshot.segments.entries()) {
    options.onProgress?.("segments", done, snapshot.segments.length);
    await backupSegment(options, segment, report);
  }
  const files = await copyFiles(folder, join(target, "files"));
  for (const [copy, path] of fresh) await fs.rename(copy, path);
  const manifest: BackupManifest = {
    format: FORMAT,
    takenAt: new Date(options.nowMs).toISOString(),
    commit: snapshot.commit,
    databases,
    segments: snapshot.segments.map(({ place, id, sizeBytes }) => ({ place, id, sizeBytes })),
    files,
  };
  await writeDurably(join(target, `${MANIFEST}.new`), Buffer.from(`${JSON.stringify(manifest, null, 1)}\n`));
  await fs.rename(join(target, `${MANIFEST}.new`), join(target, MANIFEST));
  await syncFolder(target);
  await removeOldSegments(target, manifest);
  return report;
}

async function prepareTarget(target: string): Promise<void> {
  await fs.mkdir(target, { recursive: true, mode: 0o700 });
  const names = await fs.readdir(target);
  const isOurs =
    names.length === 0 || names.includes(MANIFEST) || names.every((name) => isPartOfBackup(name));
  if (!isOurs) {
    throw new StoreError("mailbox_operation_invalid", `"${target}" is neither empty nor a backup`);
  }
}

/** What a backup that was interrupted leaves. */
function isPartOfBackup(name: string): boolean {
  return name === "segments" || name === "files" || name.endsWith(".sqlite.new") || name.endsWith(".sqlite");
}

/** In one read transaction: writers do not make the copy start over (sqlite3_backup_step does so otherwise). */
async function copyDatabase(
  from: string,
  to: string,
  onProgress: (done: number, total: number) => void,
): Promise<void> {
  const database = new Database(from, { readonly: true });
  try {
    database.exec("BEGIN");
    database.prepare("SELECT count(*) FROM sqlite_schema").get();
    await database.backup(to, {
      progress({ totalPages, remainingPages }) {
        onProgress(totalPages - remainingPages, totalPages);
        return 64;
      },
    });
    database.exec("COMMIT");
  } finally {
    database.close();
  }
  // Alone it is a whole database: no WAL beside it.
  const copy = new Database(to);
  copy.pragma("journal_mode = DELETE");
  // SQLite has synced it then.
  copy.close();
}

function readSnapshot(path: string): {
  commit: number;
  segments: (BackupSegment & { readonly isClosed: boolean })[];
} {
  const database = new Database(path, { readonly: true });
  try {
    const commit = database.prepare("SELECT value FROM meta WHERE name = 'commit'").pluck().get() as number;
    const rows = database
      .prepare("SELECT id, partition, size, active FROM segments WHERE active < 2 AND size > 0 ORDER BY id")
      .all() as { id: number; partition: string; size: number; active: number }[];
    const segments = rows.map(({ id, partition, size, active }) => ({
      place: partition,
      id,
      sizeBytes: size,
      isClosed: active === 0,
    }));
    return { commit, segments };
  } finally {
    database.close();
  }
}

async function backupSegment(
  { folder, target, isCopy }: BackupOptions,
  { place, id, sizeBytes, isClosed }: BackupSegment & { readonly isClosed: boolean },
  report: { linked: number; copied: number; copiedBytes: number },
): Promise<void> {
  const from = join(folder, "segments", place, `${id}.seg`);
  const to = join(target, "segments", place, `${id}.seg`);
  if (await isSameSegment(from, to, sizeBytes)) return;
  await fs.mkdir(dirname(to), { recursive: true, mode: 0o700 });
  await fs.rm(`${to}.new`, { force: true });
  const isLinked = isClosed && !isCopy && (await tryLink(from, `${to}.new`));
  if (!isLinked) await copyBytes(from, `${to}.new`, sizeBytes);
  await fs.rename(`${to}.new`, to);
  await syncFolder(dirname(to));
  await syncFolder(dirname(dirname(to)));
  if (isLinked) report.linked++;
  else {
    report.copied++;
    report.copiedBytes += sizeBytes;
  }
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await fs.link(from, to);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Another file system, or one without links.
    if (code === "EXDEV" || code === "EPERM" || code === "EMLINK" || code === "ENOTSUP") return false;
    throw error;
  }
}

/** Segments only grow: the same beginning and the same end at a length that both have means the same bytes. */
async function isSameSegment(from: string, to: string, sizeBytes: number): Promise<boolean> {
  if (!existsSync(to)) return false;
  const [a, b] = [await fs.open(from, "r"), await fs.open(to, "r")];
  try {
    const [one, other] = [await a.stat(), await b.stat()];
    if (one.ino === other.ino && one.dev === other.dev) return true;
    if (other.size < sizeBytes) return false;
    for (const position of [0, Math.max(0, sizeBytes - PROBE_BYTES)]) {
      const length = Math.min(PROBE_BYTES, sizeBytes);
      const [x, y] = [Buffer.alloc(length), Buffer.alloc(length)];
      await a.read(x, 0, length, position);
      await b.read(y, 0, length, position);
      if (!x.equals(y)) return false;
    }
    return true;
  } finally {
    await a.close();
    await b.close();
  }
}

/** @throws StoreError disk_failed when the file is shorter */
export async function copyBytes(from: string, to: string, sizeBytes: number): Promise<void> {
  const source = await fs.open(from, "r");
  const copy = await fs.open(to, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    const buffer = Buffer.allocUnsafe(Math.min(COPY_BYTES, Math.max(1, sizeBytes)));
    for (let at = 0; at < sizeBytes;) {
      const { bytesRead } = await source.read(buffer, 0, Math.min(buffer.length, sizeBytes - at), at);
      if (bytesRead === 0) {
        throw new StoreError(
          "disk_failed",
          `"${from}" ends at ${at} instead of ${sizeBytes}; run: rookery check`,
        );
      }
      await copy.write(buffer, 0, bytesRead, at);
      at += bytesRead;
    }
    await copy.datasync();
  } finally {
    await source.close();
    await copy.close();
  }
}

async function copyFiles(folder: string, target: string): Promise<string[]> {
  const copied: string[] = [];
  const visit = async (path: string): Promise<void> => {
    for (const entry of await fs.readdir(path, { withFileTypes: true })) {
      const from = join(path, entry.name);
      if (path === folder && NOT_COPIED.test(entry.name)) continue;
      if (entry.isDirectory()) await visit(from);
      if (!entry.isFile()) continue;
      const name = relative(folder, from);
      await fs.mkdir(dirname(join(target, name)), { recursive: true, mode: 0o700 });
      if (!(await copyUnlessGone(from, join(target, name)))) continue;
      copied.push(name);
    }
  };
  await visit(folder);
  return copied;
}

/** A serving node removes files of its own meanwhile, such as those of sent messages. */
async function copyUnlessGone(from: string, to: string): Promise<boolean> {
  try {
    await fs.copyFile(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

async function removeOldSegments(target: string, manifest: BackupManifest): Promise<void> {
  const wanted = new Set(manifest.segments.map(({ place, id }) => join(place, `${id}.seg`)));
  const root = join(target, "segments");
  if (!existsSync(root)) return;
  for (const place of await fs.readdir(root)) {
    for (const name of await fs.readdir(join(root, place))) {
      if (!wanted.has(join(place, name))) await fs.rm(join(root, place, name));
    }
  }
}

export async function writeDurably(path: string, bytes: Buffer): Promise<void> {
  await fs.rm(path, { force: true });
  const file = await fs.open(path, "wx", 0o600);
  try {
    await file.write(bytes);
    await file.datasync();
  } finally {
    await file.close();
  }
}

export async function syncFolder(path: string): Promise<void> {
  const folder = await fs.open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
