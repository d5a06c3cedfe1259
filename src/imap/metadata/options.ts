/** MAXSIZE and DEPTH: RFC 5464 §4.2.1, §4.2.2. */
import type { Reader } from "../codec/reader.ts";
import { bad } from "../refusal.ts";

export interface MetadataOptions {
  /** Larger values are left out; their largest size is told. */
  readonly maxSizeBytes: number | undefined;
  readonly depth: 0 | 1 | "infinity";
}

export const PLAIN_OPTIONS: MetadataOptions = { maxSizeBytes: undefined, depth: 0 };

/** Entries begin with "/", quoted or not; options with a letter. */
export function startsOptions(reader: Reader): boolean {
  return reader.peekIs("(") && /^[A-Za-z]$/.test(String.fromCharCode(reader.peek(1)));
}

/** "(" option *(SP option) ")": MAXSIZE n, DEPTH 0 / 1 / infinity. */
export function readMetadataOptions(reader: Reader): MetadataOptions {
  let { maxSizeBytes, depth } = PLAIN_OPTIONS;
  reader.list((inner) => {
    const option = inner.keyword();
    if (option === "MAXSIZE") maxSizeBytes = inner.sp().number();
    else if (option === "DEPTH") depth = readDepth(inner.sp().keyword());
    else throw bad(`Unknown option "${option}"`);
  });
  return { maxSizeBytes, depth };
}

function readDepth(depth: string): MetadataOptions["depth"] {
  if (depth === "0") return 0;
  if (depth === "1") return 1;
  if (depth === "INFINITY") return "infinity";
  throw bad("DEPTH is 0, 1 or infinity");
}
