/** Schemas of what comes in and goes out, JSON Schema as OpenAPI 3.1 has it. */
import { MAX_THREADS } from "../database/backends.ts";
import type { JsonSchema } from "./route.ts";

/** What can be asked for at once. */
export const MAX_LISTED = 1_000;
const DEFAULT_LISTED = 100;
const MAX_TEXT = 1_024;

const text: JsonSchema = { type: "string", maxLength: MAX_TEXT };
const optionalText: JsonSchema = { type: ["string", "null"], maxLength: MAX_TEXT };
/** A text alone is a list of one. */
const texts: JsonSchema = { anyOf: [{ type: "null" }, { type: "array", items: text, maxItems: 500 }] };
const count: JsonSchema = { type: "integer", minimum: 0 };
const time: JsonSchema = { type: "string", format: "date-time", examples: ["2021-04-16T12:50:08.990Z"] };

export function object(
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[] = [],
  description?: string,
): JsonSchema {
  return {
    type: "object",
    properties,
    ...(required.length > 0 && { required }),
    ...(description !== undefined && { description }),
  };
}

export function listOf(items: JsonSchema): JsonSchema {
  return { type: "array", items };
}

export const command: JsonSchema = {
  description:
    "A command: name [flags] [options] [arguments] [subCommand]. Options have name and value; a list of one may be a text.",
  anyOf: [
    { type: "null" },
    {
      type: "object",
      additionalProperties: true,
      properties: { name: text, successCode: { type: "integer" } },
    },
    text,
  ],
  examples: [{ name: "doveadm", subCommand: { name: "backup", flags: ["-R"], arguments: ["imapc:"] } }],
};

export const phase: JsonSchema = { type: "string", enum: ["PRE_SYNC", "CUTOVER"] };
export const status: JsonSchema = {
  type: "string",
  enum: ["READY", "SYNC", "SUCCESS", "FAILED", "ABORTED"],
  description: "READY waits in the queue, SYNC runs, the others are final.",
};
export const state: JsonSchema = { type: "string", enum: ["RUNNING", "PAUSED", "STOPPED"] };

const targetUids: JsonSchema = {
  type: ["array", "null"],
  items: text,
  maxItems: 500,
  description:
    "Target uids that users of the source may get: names, and patterns in which * stands for any characters but @. Without it, or null: all that nobody else has.",
  examples: [["*@customer.example", "info"]],
};
export const sourceBody = object(
  { name: { ...text, pattern: "^[a-zA-Z0-9_]+$" }, apiKey: text, targetUids },
  ["name", "apiKey"],
);
export const sourceChangeBody: JsonSchema = {
  ...object({ apiKey: text, targetUids }),
  anyOf: [{ required: ["apiKey"] }, { required: ["targetUids"] }],
};
export const sourceAnswer = object({
  name: text,
  apiKey: { ...optionalText, description: "Told only when it is set; the database has its hash." },
  targetUids,
});

const hostLimits = {
  maxConnections: { ...count, maximum: 1_000_000, description: "Migrations at a time, over all workers." },
  migrationCommand1: {
    ...command,
    description: "Pre-sync, and cutover without migrationCommand2. Without it the built-in engine works.",
  },
  migrationCommand2: { ...command, description: "Cutover." },
  statusCommand: { ...command, description: "Counts messages and bytes of the source mailbox." },
  maxMessagesPerSecond: { ...count, description: "Over all workers; 0 = no limit." },
  maxBytesPerSecond: { ...count, description: "Over all workers; 0 = no limit." },
};
export const hostBody = object({ name: text, ...hostLimits }, ["name", "maxConnections"]);
export const hostChangeBody = object(hostLimits);
export const hostAnswer = object({ name: text, source: text, ...hostLimits });

export const targetBody = object({ name: { ...text, pattern: "^[a-zA-Z0-9_.-]+$" } }, ["name"]);
export const backendBody = object({
  state,
  initialState: { ...state, description: "The state in which the worker starts." },
  maxThreads: { type: "integer", minimum: 0, maximum: MAX_THREADS, description: "Migrations at a time." },
});
export const backendAnswer = object({
  name: text,
  target: text,
  status: {
    type: "string",
    enum: ["RUNNING", "PAUSED", "STOPPED", "LOST"],
    description: "LOST = it has not been heard of lately.",
  },
  state,
  initialState: state,
  maxThreads: count,
  running: count,
  version: text,
  started: time,
  lastSeen: time,
});

const userFields = {
  targetUid: optionalText,
  target: optionalText,
  sourcehost: optionalText,
  sourceport: { type: ["integer", "null"], minimum: 1, maximum: 65_535 },
  password: { ...optionalText, writeOnly: true, description: "Of the source; kept encrypted." },
  email: optionalText,
  imapcOptions: texts,
  useImapcSsl: { type: ["boolean", "null"] },
  excludeFolders: texts,
};
export const userBody = object({ sourceUid: text, ...userFields }, ["sourceUid"]);
export const userChangeBody = object(userFields);
export const userAnswer = object({
  sourceUid: text,
  targetUid: text,
  target: text,
  sourcehost: text,
  sourceport: userFields.sourceport,
  hasPassword: { type: "boolean" },
  email: optionalText,
  imapcOptions: listOf(text),
  useImapcSsl: userFields.useImapcSsl,
  excludeFolders: listOf(text),
  created: time,
  modified: time,
});
export const migrationBody = object(
  {
    sourceUid: text,
    phase,
    priority: { type: ["boolean", "null"], description: "Before others in the queue." },
    dryRun: { type: ["boolean", "null"], description: "Changes nothing on either side." },
    acceptLosses: {
      type: ["boolean", "null"],
      description: "Of a CUTOVER: what the last verification lists does not stand against it.",
    },
    ...userFields,
  },
  ["sourceUid", "phase"],
  "A new user needs targetUid, target and sourcehost too; of a known one what is given is changed.",
);

const detail = object(
  {
    success: { type: "boolean" },
    command: { ...text, description: "With passwords as <hidden>." },
    exitCode: { type: "integer" },
    attempts: count,
    errors: listOf(text),
    saved: { type: "object", additionalProperties: count, description: "Messages by mailbox." },
    expunged: count,
  },
  ["success", "command", "exitCode"],
);
export const record = object({
  id: count,
  sourceUid: text,
  created: time,
  status,
  phase,
  priority: { type: "boolean" },
  dryRun: { type: "boolean" },
  attempts: count,
  notBefore: time,
  started: time,
  stopped: time,
  backend: { ...text, examples: ["default/dmf-worker"] },
  modified: time,
  progress: object({
    messagesTotal: count,
    messagesDone: count,
    bytesTotal: count,
    bytesDone: count,
    folder: text,
  }),
  details: listOf({
    type: "object",
    additionalProperties: detail,
    description: "One operation under its name.",
  }),
  targetMessageCount: count,
  targetMailboxSize: count,
  sourceMessageCount: count,
  sourceMailboxSize: count,
  expungedMessageCount: count,
  syncMessageCount: count,
  syncSpeed: { ...count, description: "Milliseconds of the copying alone." },
  error: { ...text, description: "Why it failed; of a READY one, why it waits until notBefore." },
});
export const entry: JsonSchema = {
  allOf: [record, object({ source: text, sourcehost: text, target: text, targetUid: text })],
};
export const counts = listOf(object({ source: text, sourcehost: text, phase, status, count }));

const limit: JsonSchema = { type: "integer", minimum: 1, maximum: MAX_LISTED, default: DEFAULT_LISTED };
export const userListQuery = object({
  after: { ...text, default: "", description: "Users whose sourceUid comes behind this one." },
  limit,
});
export const recordListQuery = object({
  status,
  phase,
  after: { ...count, default: 0, description: "Records with a greater id." },
  limit,
});
