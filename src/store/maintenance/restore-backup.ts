/** Makes a data folder from a backup. Always copies: a store writes to its files, a backup must stay as it is. */
import { existsSync } from "node:fs";
import * as fs from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { StoreError } from "../errors.ts";
import {
  copyBytes,
  MANIFEST,
  PHONE_STATES,
  syncFolder,
  type BackupManifest,
  writeDurably,
} from "./backup-store.ts";

const SUPPORTED_FORMAT = 1;
/** A file of a restored folder: which restore it comes from. What was known of it before may be of a time that is undone. */
export const RESTORE_MARK = "restored";

export interface RestoreReport {
  readonly takenAt: string;
  readonly commit: number;
  readonly segments: number;
  readonly bytes: number;
}

/** @param id that no other restore has; @throws StoreError mailbox_operation_invalid when `folder` has a store, or `backup` is none */
export async function restoreBackup(
  backup: string,
  folder: string,
  id: string,
  onProgress?: (what: string, done: number, total: number) => void,
): Promise<RestoreReport> {
  const manifest = await readManifest(backup);
  if (existsSync(join(folder, "index.sqlite"))) {
    throw new StoreError(
      "mailbox_operation_invalid",
      `"${folder}" has a store already; restore into another folder`,
    );
  }
  await fs.mkdir(folder, { recursive: true, mode: 0o700 });
  let bytes = 0;
  for (const [done, { place, id, sizeBytes }] of manifest.segments.entries()) {
    onProgress?.("segments", done, manifest.segments.length);
    const to = join(folder, "segments", place, `${id}.seg`);
    await copyNew(join(backup, "segments", place, `${id}.seg`), to, sizeBytes);
    bytes += sizeBytes;
  }
  for (const name of manifest.files) {
    const from = join(backup, "files", name);
    await copyNew(from, join(folder, name), (await fs.stat(from)).size);
  }
  await writeDurably(join(folder, RESTORE_MARK), Buffer.from(`${id}\n`));
  // The index last: without it the folder is no store, and the restore can be tried again.
  const databases = manifest.databases.toSorted(
    (a, b) => Number(a === "index.sqlite") - Number(b === "index.sqlite"),
  );
  // Left by a store that was here: it would be newer than these mailboxes, or the journal of another file.
  for (const name of [...databases, PHONE_STATES]) {
    for (const end of ["", "-wal", "-shm"]) await fs.rm(join(folder, name + end), { force: true });
  }
  for (const name of databases) {
    const from = join(backup, name);
    await copyNew(from, join(folder, name), (await fs.stat(from)).size);
  }
  await syncFolder(folder);
  return { takenAt: manifest.takenAt, commit: manifest.commit, segments: manifest.segments.length, bytes };
}

async function copyNew(from: string, to: string, sizeBytes: number): Promise<void> {
  await fs.mkdir(dirname(to), { recursive: true, mode: 0o700 });
  await fs.rm(to, { force: true });
  await copyBytes(from, to, sizeBytes);
  await syncFolder(dirname(to));
}

async function readManifest(backup: string): Promise<BackupManifest> {
  let text: string;
  try {
    text = await fs.readFile(join(backup, MANIFEST), "utf8");
  } catch (error) {
    throw new StoreError(
      "mailbox_operation_invalid",
      `"${backup}" has no ${MANIFEST}: it is no finished backup`,
      {
        cause: error,
      },
    );
  }
  const manifest = JSON.parse(text) as BackupManifest;
  if (manifest.format !== SUPPORTED_FORMAT) {
    throw new StoreError("mailbox_operation_invalid", `backup "${backup}" has format ${manifest.format}`);
  }
  // A manifest is data: it names nothing outside.
  const names = [...manifest.files, ...manifest.databases, ...manifest.segments.map(({ place }) => place)];
  const outside = names.find((name) => normalize(name).startsWith("..") || name.startsWith("/"));
  if (outside !== undefined) {
    throw new StoreError("mailbox_operation_invalid", `backup "${backup}" names "${outside}"`);
  }
  return manifest;
}
