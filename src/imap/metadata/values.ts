/** Finds values of entries and writes METADATA responses: RFC 5464 §4.2 and §4.4, also for LIST (RFC 9590). */
import type { Mailbox } from "../../store/model.ts";
import { writeBytes } from "../codec/writer.ts";
import type { Session } from "../session.ts";
import { BUILT_IN } from "./built-in.ts";
import { isHidden, printEntryName, type EntryName } from "./entry.ts";
import type { MetadataOptions } from "./options.ts";

export interface MetadataValues {
  /** Printed name → value; undefined = asked for, has none. */
  readonly values: ReadonlyMap<string, Buffer | undefined>;
  /** The largest that MAXSIZE left out: `METADATA LONGENTRIES`. */
  readonly longestLeftOut: number;
}

/** `mailbox` undefined = the server. */
export function metadataValues(
  session: Session,
  mailbox: Mailbox | undefined,
  asked: readonly EntryName[],
  { maxSizeBytes, depth }: MetadataOptions,
): MetadataValues {
  const all = allValues(session, mailbox);
  const values = new Map<string, Buffer | undefined>();
  let longestLeftOut = 0;
  for (const entry of asked) {
    const name = printEntryName(entry);
    const found = depth === 0 ? [name] : [...all.keys()].filter((key) => isWithin(key, name, depth));
    for (const key of found) {
      const value = all.get(key);
      if (value !== undefined && maxSizeBytes !== undefined && value.length > maxSizeBytes) {
        longestLeftOut = Math.max(longestLeftOut, value.length);
      } else values.set(key, value);
    }
  }
  return { values, longestLeftOut };
}

function isWithin(key: string, name: string, depth: 1 | "infinity"): boolean {
  if (key === name) return true;
  if (!key.startsWith(`${name}/`)) return false;
  return depth === "infinity" || !key.includes("/", name.length + 1);
}

function allValues(session: Session, mailbox: Mailbox | undefined): Map<string, Buffer> {
  const all = new Map<string, Buffer>();
  for (const { entry, userId, value } of session.services.store.annotations.list(
    mailbox?.name ?? "",
    session.user,
  )) {
    if (!isHidden(entry))
      all.set(printEntryName({ scope: userId === "" ? "shared" : "private", name: entry }), value);
  }
  if (mailbox === undefined) return all;
  for (const builtIn of BUILT_IN) {
    const value = builtIn.read(session, mailbox);
    if (value !== undefined) all.set(printEntryName(builtIn), Buffer.from(value, "utf8"));
  }
  return all;
}

/** `* METADATA name (entry value …)`; nothing when there is nothing to say. */
export function writeMetadata(session: Session, external: string, values: MetadataValues["values"]): void {
  if (values.size === 0) return;
  const { out } = session;
  out.ascii("* METADATA ");
  session.writeMailboxName(external);
  let before = " (";
  for (const [name, value] of values) {
    out.ascii(`${before}${name} `);
    if (value === undefined) out.ascii("NIL");
    else writeBytes(out, value);
    before = " ";
  }
  out.ascii(")\r\n");
}
