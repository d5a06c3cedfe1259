/**
 * doveadm of the unpacked Dovecot as a program of the machine: a script of that name that enters the namespace. What it
 * was started with, as a process list shows it, is kept in a file.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { inNamespace, makeEtc } from "./namespace.ts";
import { unpackPeer } from "./unpack.ts";

export interface DoveadmProgram {
  /** Its last part is `doveadm`, which is how programs know it. */
  readonly path: string;
  /** Every command line and environment it was started with. */
  readonly startedWith: string;
}

/** @param folder that exists, and that other users may enter */
export async function makeDoveadm(folder: string): Promise<DoveadmProgram> {
  const root = await unpackPeer("dovecot");
  const { file, args } = inNamespace(root, makeEtc(folder), ["doveadm"]);
  const path = join(folder, "doveadm");
  const startedWith = join(folder, "doveadm.started");
  const enter = [file, ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  const remember = `{ printf '%s ' "$0" "$@"; echo; env; } >>'${startedWith}'`;
  writeFileSync(path, `#!/bin/sh\n${remember}\nexec ${enter} "$@"\n`, { mode: 0o755 });
  return { path, startedWith };
}
