/** LIST: RFC 9051 §6.3.9 (with LIST-EXTENDED); LSUB: RFC 3501 §6.3.9. */
import { joinReference } from "../../store/list-pattern.ts";
import { command } from "../command.ts";
import { attributesOf, listEntries, subscribedEntries, type ListEntry } from "../list/entries.ts";
import {
  readReturnOptions,
  readSelectionOptions,
  SELECTION_OPTIONS,
  type ReturnOption,
} from "../list/options.ts";
import { bad } from "../refusal.ts";
import type { Session } from "../session.ts";
import { MAIL_ONLY } from "../visible.ts";

/** Patterns of one LIST. */
const MAX_PATTERNS = 64;

export const list = command({
  name: "LIST",
  state: "authenticated",
  parse(reader, session) {
    const selection = reader.sp().peekIs("(") ? readSelectionOptions(reader) : undefined;
    if (selection !== undefined) reader.sp();
    const reference = reader.mailbox();
    const isList = reader.sp().peekIs("(");
    const patterns = isList ? reader.list((inner) => inner.listMailbox()) : [reader.listMailbox()];
    if (patterns.length === 0 || patterns.length > MAX_PATTERNS) throw bad("Too many or no patterns");
    const returns = readReturnOptions(reader, session);
    return { selection: selection ?? new Set<string>(), reference, patterns, returns, isList };
  },
  async run(session, { selection, reference, patterns, returns, isList }) {
    const { separator } = session.namespace;
    // A request for the separator: RFC 9051 §6.3.9.
    if (patterns.length === 1 && patterns[0] === "" && !isList) {
      session.untagged(`LIST (\\Noselect) "${separator}" ""`);
      return;
    }
    const joined = patterns.map((pattern) => joinReference(reference, pattern, separator));
    const shown = {
      otherTypes: selection.has("VENDOR.CMU-DAV"),
      deleted: selection.has("VENDOR.CMU-INCLUDE-DELETED"),
    };
    const entries = selection.has("SUBSCRIBED")
      ? subscribedEntries(session, joined, shown)
      : await listEntries(session, joined, shown);
    await writeEntries(session, entries, selection, returns);
  },
});

async function writeEntries(
  session: Session,
  entries: readonly ListEntry[],
  selection: ReadonlySet<string>,
  returns: readonly ReturnOption[],
): Promise<void> {
  const { subscriptions } = session.services.store;
  const names = new Set([...selection, ...returns.map(({ name }) => name)]);
  // RFC 6154 §2: told to clients that asked; clients that know no extended LIST are not hurt by them either.
  const specialUse = names.has("SPECIAL-USE") || returns.length === 0;
  const keepers = [...selection]
    .map((name) => SELECTION_OPTIONS.get(name))
    .filter((option) => option?.keeps !== undefined);
  for (const entry of entries) {
    const recursive = selection.has("RECURSIVEMATCH");
    const below = recursive ? childInfo(entry, selection) : [];
    if (below.length === 0 && !keepers.every((option) => option?.keeps?.(entry, session))) continue;
    if (!entry.matched && !recursive) continue;
    if (!selection.has("SUBSCRIBED") && names.has("SUBSCRIBED") && entry.name !== undefined) {
      entry.subscribed = subscriptions.has(session.user, entry.name);
    }
    const attributes = attributesOf(session, entry, { specialUse });
    if (selection.has("SUBSCRIBED") && entry.subscribed) attributes.push("\\Subscribed");
    for (const option of returns) {
      for (const attribute of option.attributes?.(entry, session) ?? []) {
        if (!attributes.includes(attribute)) attributes.push(attribute);
      }
    }
    const extended = below.length > 0 ? ` ("CHILDINFO" (${below.join(" ")}))` : "";
    writeEntry(session, "LIST", attributes, entry.external, extended);
    for (const option of returns) await option.after?.(entry, session);
    const pause = session.pause();
    if (pause !== undefined) await pause;
    if (session.ended) return;
  }
}

/** The selection options that something below meets: RFC 5258 §3.5. */
function childInfo(entry: ListEntry, selection: ReadonlySet<string>): string[] {
  if (selection.has("SUBSCRIBED")) return entry.childInfo ? ['"SUBSCRIBED"'] : [];
  return selection.has("SPECIAL-USE") && entry.useBelow ? ['"SPECIAL-USE"'] : [];
}

export const lsub = command({
  name: "LSUB",
  state: "authenticated",
  parse: (reader) => ({ reference: reader.sp().mailbox(), pattern: reader.sp().listMailbox() }),
  run(session, { reference, pattern }) {
    const joined = joinReference(reference, pattern, session.namespace.separator);
    for (const entry of subscribedEntries(session, [joined], MAIL_ONLY)) {
      // A level above a subscription that is none itself: only `%` shows it, as \Noselect (RFC 3501 §6.3.9).
      writeEntry(session, "LSUB", entry.matched ? [] : ["\\Noselect"], entry.external, "");
    }
  },
});

function writeEntry(
  session: Session,
  name: "LIST" | "LSUB",
  attributes: readonly string[],
  external: string,
  extended: string,
): void {
  session.out.ascii(`* ${name} (${attributes.join(" ")}) "${session.namespace.separator}" `);
  session.writeMailboxName(external);
  session.out.ascii(`${extended}\r\n`);
}
