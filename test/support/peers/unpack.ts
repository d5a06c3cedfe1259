/**
 * Debian packages of peers, downloaded and unpacked beside the tests: nothing is installed on the machine.
 *
 * node_modules/.cache/peers/debs/*.deb, node_modules/.cache/peers/<group>/ with one file tree, ready when its stamp is.
 */
import { execFile } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);
const CACHE = join(import.meta.dirname, "../../../node_modules/.cache/peers");
const LIST = join(import.meta.dirname, "../../../tools/peer-packages.txt");
/** Another process that takes longer to unpack has died. */
const LOCK_TIMEOUT_MS = 300_000;

/** Folder that holds the group's `usr`, `etc` …; downloads and unpacks when it is not there yet. */
export async function unpackPeer(group: string): Promise<string> {
  const packages = packagesOf(group);
  const folder = join(CACHE, group);
  const stamp = join(folder, ".packages");
  const wanted = packages.join(" ");
  if (isReady(stamp, wanted)) return folder;
  mkdirSync(CACHE, { recursive: true });
  const release = await lock(join(CACHE, `${group}.lock`));
  try {
    if (isReady(stamp, wanted)) return folder;
    const debs = join(CACHE, "debs");
    mkdirSync(debs, { recursive: true });
    const missing = packages.filter((name) => debOf(debs, name) === undefined);
    if (missing.length > 0) await run("apt-get", ["-qq", "download", ...missing], { cwd: debs });
    const fresh = `${folder}.new`;
    rmSync(fresh, { recursive: true, force: true });
    for (const name of packages) {
      const deb = debOf(debs, name);
      if (deb === undefined) throw new Error(`apt-get downloaded no package ${name}`);
      await run("dpkg", ["-x", join(debs, deb), fresh]);
    }
    // Some packages still have a /lib of their own; Debian has merged it into /usr.
    const lib = join(fresh, "lib");
    if (existsSync(lib)) cpSync(lib, join(fresh, "usr/lib"), { recursive: true, verbatimSymlinks: true });
    mkdirSync(join(fresh, "etc"), { recursive: true });
    writeFileSync(join(fresh, ".packages"), wanted);
    rmSync(folder, { recursive: true, force: true });
    renameSync(fresh, folder);
    return folder;
  } finally {
    release();
  }
}

function isReady(stamp: string, wanted: string): boolean {
  return existsSync(stamp) && readFileSync(stamp, "utf8") === wanted;
}

function packagesOf(group: string): string[] {
  const line = readFileSync(LIST, "utf8")
    .split("\n")
    .find((text) => text.startsWith(`${group}:`));
  if (line === undefined) throw new Error(`tools/peer-packages.txt has no group "${group}"`);
  return line
    .slice(group.length + 1)
    .trim()
    .split(/\s+/);
}

function debOf(folder: string, name: string): string | undefined {
  return readdirSync(folder).find((file) => file.startsWith(`${name}_`) && file.endsWith(".deb"));
}

/** A folder is made by one process only; test files run in several. */
async function lock(path: string): Promise<() => void> {
  for (;;) {
    try {
      mkdirSync(path);
      return () => rmSync(path, { recursive: true, force: true });
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
    const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > LOCK_TIMEOUT_MS) rmSync(path, { recursive: true, force: true });
    await sleep(100);
  }
}
