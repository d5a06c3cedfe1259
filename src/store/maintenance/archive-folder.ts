/** Puts the archive on another disk: segments/archive becomes a link to it, and nothing else has to know. */
import { existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, rmdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { StoreError } from "../errors.ts";
import { ARCHIVE } from "../segment-record.ts";

/** Call before the store opens. @throws StoreError disk_failed when the archive is somewhere else already */
export function linkArchiveFolder(dataFolder: string, archiveFolder: string): void {
  const link = join(dataFolder, "segments", ARCHIVE);
  mkdirSync(archiveFolder, { recursive: true, mode: 0o700 });
  mkdirSync(join(dataFolder, "segments"), { recursive: true, mode: 0o700 });
  const found = lstatSync(link, { throwIfNoEntry: false });
  if (found?.isSymbolicLink() === true) {
    if (readlinkSync(link) === archiveFolder) return;
    throw elsewhere(link, readlinkSync(link), archiveFolder);
  }
  if (found !== undefined) {
    if (readdirSync(link).length > 0) throw elsewhere(link, link, archiveFolder);
    rmdirSync(link);
  }
  symlinkSync(archiveFolder, link);
}

function elsewhere(link: string, where: string, wanted: string): StoreError {
  const move = `stop the node, move the files to "${wanted}" and make "${link}" a link to it`;
  const state = existsSync(where) ? "is" : "was";
  return new StoreError("disk_failed", `the archive ${state} in "${where}", not in "${wanted}": ${move}`);
}
