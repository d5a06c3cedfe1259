/** Between the API's fields and the database's: names as the framework has them. */
import type { Backend } from "../database/backends.ts";
import { isoTime } from "../database/journal.ts";
import type { UserFields } from "../database/user-fields.ts";
import type { StoredUser } from "../database/user-row.ts";
import { CommandError, readCommand } from "../command/command.ts";
import { MigrateError } from "../errors.ts";
import type { Source, SourceHost, SourceRules } from "../model.ts";
import type { JournalEntry } from "../record.ts";
import type { ApiRequest } from "./route.ts";

type Body = ApiRequest["body"];

/** A body was checked by its schema; what is of another type is not there. */
export function text(body: Body, field: string): string | undefined {
  const value = body[field];
  return typeof value === "string" ? value : undefined;
}

export function number(body: Body, field: string): number | undefined {
  const value = body[field];
  return typeof value === "number" ? value : undefined;
}

/** undefined: nothing is said of them. */
export function sourceRules(body: Body): SourceRules | undefined {
  const { targetUids } = body;
  if (targetUids === undefined) return undefined;
  return { targetUids: Array.isArray(targetUids) ? targetUids.map(String) : undefined };
}

export function sourceAnswer({ name, targetUids }: Omit<Source, "apiKey">, apiKey?: string): unknown {
  return { name, apiKey: apiKey ?? null, ...(targetUids !== undefined && { targetUids }) };
}

export function toHost(source: string, name: string, body: Body, before?: SourceHost): SourceHost {
  return {
    source,
    name,
    maxConnections: number(body, "maxConnections") ?? before?.maxConnections ?? 0,
    migrationCommand1: commandText(body, "migrationCommand1") ?? before?.migrationCommand1 ?? "",
    migrationCommand2: commandText(body, "migrationCommand2") ?? before?.migrationCommand2 ?? "",
    statusCommand: commandText(body, "statusCommand") ?? before?.statusCommand ?? "",
    maxMessagesPerSecond: number(body, "maxMessagesPerSecond") ?? before?.maxMessagesPerSecond ?? 0,
    maxBytesPerSecond: number(body, "maxBytesPerSecond") ?? before?.maxBytesPerSecond ?? 0,
  };
}

/** Kept as JSON, "" for none; a text alone is the name of a command. @throws MigrateError invalid */
function commandText(body: Body, field: string): string | undefined {
  const value = body[field];
  if (value === undefined) return undefined;
  if (value === null || value === "" || isEmpty(value)) return "";
  const command = typeof value === "string" ? { name: value } : value;
  try {
    readCommand(command);
  } catch (error) {
    if (error instanceof CommandError) throw new MigrateError("invalid", `${field}: ${error.message}`);
    throw error;
  }
  return JSON.stringify(command);
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

export function hostAnswer(host: SourceHost): unknown {
  const command = (json: string): unknown => (json === "" ? null : JSON.parse(json));
  return {
    ...host,
    migrationCommand1: command(host.migrationCommand1),
    migrationCommand2: command(host.migrationCommand2),
    statusCommand: command(host.statusCommand),
  };
}

export function backendAnswer(backend: Backend): unknown {
  const { name, target, state, initialState, maxThreads, running, version, alive } = backend;
  return {
    name,
    target,
    status: alive ? state : "LOST",
    state,
    initialState,
    maxThreads,
    running: alive ? running : 0,
    version,
    started: isoTime(backend.startedMs),
    lastSeen: isoTime(backend.heartbeatMs),
  };
}

/** @param nulls "ignore": clients that write every key have null for what they do not say */
export function toUserFields(body: Body, nulls: "ignore" | "remove"): UserFields {
  const names = {
    targetUid: "targetUid",
    target: "target",
    sourcehost: "sourceHost",
    sourceport: "sourcePort",
    password: "password",
    email: "email",
    imapcOptions: "imapcOptions",
    useImapcSsl: "useImapcSsl",
    excludeFolders: "excludeFolders",
  } as const;
  const cannotBeRemoved = new Set(["targetUid", "target", "sourcehost"]);
  const fields: Record<string, unknown> = {};
  for (const [field, name] of Object.entries(names)) {
    const value = body[field];
    if (value === undefined) continue;
    if (value === null && (nulls === "ignore" || cannotBeRemoved.has(field))) continue;
    const isList = field === "imapcOptions" || field === "excludeFolders";
    fields[name] = isList && typeof value === "string" ? (value === "" ? [] : [value]) : value;
  }
  return fields;
}

/** Everything but the password; the command line shows the same. */
export function userAnswer(user: StoredUser) {
  return {
    sourceUid: user.sourceUid,
    targetUid: user.targetUid,
    target: user.target,
    sourcehost: user.sourceHost,
    sourceport: user.sourcePort ?? null,
    hasPassword: user.password !== undefined,
    email: user.email ?? null,
    imapcOptions: user.imapcOptions,
    useImapcSsl: user.useImapcSsl ?? null,
    excludeFolders: user.excludeFolders,
    created: isoTime(user.createdMs),
    modified: isoTime(user.modifiedMs),
  };
}

export function entryAnswer({ source, sourceHost, target, targetUid, record }: JournalEntry): unknown {
  return { ...record, source, sourcehost: sourceHost, target, targetUid };
}

/** Every key of a record, null where there is nothing: what clients of version 1 read (S4.85). */
const RECORD_KEYS = [
  "id",
  "sourceUid",
  "created",
  "status",
  "phase",
  "priority",
  "started",
  "stopped",
  "details",
  "backend",
  "modified",
  "targetMessageCount",
  "targetMailboxSize",
  "sourceMessageCount",
  "sourceMailboxSize",
  "expungedMessageCount",
  "syncMessageCount",
  "syncSpeed",
];

export function recordAnswer(record: object, version: ApiRequest["version"]): unknown {
  return version === 1 ? { ...Object.fromEntries(RECORD_KEYS.map((key) => [key, null])), ...record } : record;
}
