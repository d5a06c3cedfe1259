/**
 * What devices keep about a message that IMAP has no flag for: the dates of a follow-up, when it was answered
 * (MS-ASEMAIL §2.2.2.34, §2.2.2.44, §2.2.2.45). Kept as JSON of bounded size, beside the message or in the gateway's state;
 * whatever else stands there is taken for nothing.
 */

/** Children of Flag but Status, in the order of MS-ASEMAIL §2.2.2.34. */
export const FLAG_FIELDS = [
  "FlagType",
  "Subject",
  "DateCompleted",
  "CompleteTime",
  "StartDate",
  "DueDate",
  "UtcStartDate",
  "UtcDueDate",
  "ReminderSet",
  "ReminderTime",
  "OrdinalDate",
  "SubOrdinalDate",
] as const;
export type FlagField = (typeof FLAG_FIELDS)[number];

export interface FollowUp {
  /** To be done, or done (MS-ASEMAIL §2.2.2.74). */
  readonly status: "active" | "complete";
  readonly fields: Readonly<Partial<Record<FlagField, string>>>;
}

export interface LastVerb {
  /** 1 reply to the sender, 2 reply to all, 3 forward. */
  readonly verb: 1 | 2 | 3;
  /** Milliseconds since 1970. */
  readonly atMs: number;
}

export interface ItemMarks {
  readonly followUp?: FollowUp;
  readonly lastVerb?: LastVerb;
}

export const NO_MARKS: ItemMarks = {};

/** Of one field; what is longer is cut. */
const MAX_FIELD_CHARACTERS = 255;
/** Twelve fields at their longest, whatever alphabet they are in. */
const MAX_BYTES = 16 * 1024;

/** Undefined = nothing to keep. */
export function encodeMarks({ followUp, lastVerb }: ItemMarks): Buffer | undefined {
  if (followUp === undefined && lastVerb === undefined) return undefined;
  const fields = followUp && Object.entries(followUp.fields).map(([name, text]) => [name, cut(text)]);
  return Buffer.from(
    JSON.stringify({
      ...(followUp === undefined || fields === undefined
        ? {}
        : { flag: { status: followUp.status, ...Object.fromEntries(fields) } }),
      ...(lastVerb === undefined ? {} : { verb: [lastVerb.verb, lastVerb.atMs] }),
    }),
  );
}

export function decodeMarks(bytes: Uint8Array): ItemMarks {
  if (bytes.length > MAX_BYTES) return NO_MARKS;
  let found: unknown;
  try {
    found = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return NO_MARKS;
  }
  if (typeof found !== "object" || found === null) return NO_MARKS;
  const followUp = "flag" in found ? toFollowUp(found.flag) : undefined;
  const lastVerb = "verb" in found ? toLastVerb(found.verb) : undefined;
  return {
    ...(followUp === undefined ? {} : { followUp }),
    ...(lastVerb === undefined ? {} : { lastVerb }),
  };
}

export function sameMarks(one: ItemMarks, other: ItemMarks): boolean {
  return (encodeMarks(one)?.toString() ?? "") === (encodeMarks(other)?.toString() ?? "");
}

function toFollowUp(value: unknown): FollowUp | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const found = new Map<string, unknown>(Object.entries(value));
  const status = found.get("status");
  if (status !== "active" && status !== "complete") return undefined;
  const fields: Partial<Record<FlagField, string>> = {};
  for (const name of FLAG_FIELDS) {
    const text = found.get(name);
    if (typeof text === "string" && text !== "") fields[name] = cut(text);
  }
  return { status, fields };
}

function toLastVerb(value: unknown): LastVerb | undefined {
  if (!Array.isArray(value)) return undefined;
  const [verb, atMs] = value as unknown[];
  if (verb !== 1 && verb !== 2 && verb !== 3) return undefined;
  // What `Date` can hold.
  return typeof atMs === "number" && Math.abs(atMs) <= 8.64e15 ? { verb, atMs } : undefined;
}

function cut(text: string): string {
  return text.length <= MAX_FIELD_CHARACTERS ? text : text.slice(0, MAX_FIELD_CHARACTERS).toWellFormed();
}
