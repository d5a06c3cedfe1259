/**
 * The worker's file of commands, in the shape of the framework's worker configuration:
 *
 *     dmf:
 *       doveadm:
 *         source:
 *           default:                      # or the name of a source, which comes before "default"
 *             imapc: { host: …, port: 143, prefix: …, master-user: …, master-password: … }
 *             command:
 *               inject: { mykey: myvalue }
 *       worker:
 *         command:
 *           migration1: { name: doveadm, … }    # where the source host says "ignore"
 *           migration2: { … }
 *           status: { … }                       # counts at the source
 *           local-status: { … }                 # counts at the target
 *           pre-sync: { pre: [ … ], post: [ … ], failure: [ … ] }
 *           cutover:  { pre: [ … ], post: [ … ], failure: [ … ], rollback: [ … ] }
 */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import type { SyncPhase } from "../model.ts";
import { type Command, CommandError, readCommand } from "./command.ts";
import { type Hook, readHook } from "./hook.ts";

export interface WorkerCommands {
  readonly migration1: Command | undefined;
  readonly migration2: Command | undefined;
  readonly status: Command | undefined;
  readonly localStatus: Command | undefined;
  readonly phases: Readonly<Record<SyncPhase, PhaseHooks>>;
  /** `%{conf:…}` of a source. */
  conf(source: string): ReadonlyMap<string, string>;
}

/** What is done around a migration. */
export interface PhaseHooks {
  readonly pre: readonly Hook[];
  readonly post: readonly Hook[];
  /** After a failed migration: to unlock what `pre` locked. */
  readonly failure: readonly Hook[];
  /** Of a cutover that was taken back later. */
  readonly rollback: readonly Hook[];
}

/** @throws CommandError that names the file and the key */
export function loadWorkerCommands(path: string): WorkerCommands {
  let document: unknown;
  try {
    document = parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new CommandError(`${path}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  return readWorkerCommands(document, path);
}

export function readWorkerCommands(document: unknown, path = "commands"): WorkerCommands {
  const dmf = field(document, "dmf");
  const worker = field(field(dmf, "worker"), "command");
  const sources = field(field(dmf, "doveadm"), "source");
  const command = (key: string): Command | undefined => {
    const value = field(worker, key);
    return value === undefined
      ? undefined
      : named(`${path}: dmf.worker.command.${key}`, () => readCommand(value));
  };
  const hooks = (phase: string, key: string): readonly Hook[] => {
    const value = field(field(worker, phase), key);
    if (value === undefined) return [];
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    return list.map((one) => named(`${path}: dmf.worker.command.${phase}.${key}`, () => readHook(one)));
  };
  const phase = (name: string): PhaseHooks => ({
    pre: hooks(name, "pre"),
    post: hooks(name, "post"),
    failure: hooks(name, "failure"),
    rollback: hooks(name, "rollback"),
  });
  return {
    migration1: command("migration1"),
    migration2: command("migration2"),
    status: command("status"),
    localStatus: command("local-status"),
    phases: { PRE_SYNC: phase("pre-sync"), CUTOVER: phase("cutover") },
    conf: (source) =>
      new Map([...sourceConf(field(sources, "default")), ...sourceConf(field(sources, source))]),
  };
}

function named<Value>(where: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof CommandError) throw new CommandError(`${where}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** S4.62 and S4.63; what is under `inject` comes first. */
function sourceConf(source: unknown): Map<string, string> {
  const imapc = field(source, "imapc");
  const values = new Map<string, string>();
  for (const key of ["host", "master-password", "master-user", "prefix", "port"]) {
    const value = scalar(field(imapc, key));
    if (value !== undefined) values.set(`imapc_${key.replaceAll("-", "_")}`, value);
  }
  const injected = field(field(source, "command"), "inject");
  if (typeof injected === "object" && injected !== null) {
    for (const [key, value] of Object.entries(injected)) {
      const text = scalar(value);
      if (text !== undefined) values.set(key, text);
    }
  }
  return values;
}

function field(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  const found = Object.entries(value).find(([name]) => name === key);
  return found?.[1] ?? undefined;
}

function scalar(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}
