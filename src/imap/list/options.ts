/**
 * Selection and return options of LIST-EXTENDED (RFC 5258 §3): which entries are kept, and what is said about each.
 * Extensions add a line: SPECIAL-USE (RFC 6154), STATUS (RFC 5819), MYRIGHTS (RFC 8440), METADATA (RFC 9590).
 */
import type { Reader } from "../codec/reader.ts";
import { maySeeOwnRights, writeMyRights } from "../acl/my-rights.ts";
import { mayReadMetadata } from "../metadata/access.ts";
import { readEntryNames } from "../metadata/entry.ts";
import { PLAIN_OPTIONS, readMetadataOptions, startsOptions } from "../metadata/options.ts";
import { metadataValues, writeMetadata } from "../metadata/values.ts";
import { bad } from "../refusal.ts";
import type { Session } from "../session.ts";
import { readStatusItems, writeStatus } from "../status.ts";
import { Right } from "../../store/acl.ts";
import { isSelectable } from "../visible.ts";
import type { ListEntry } from "./entries.ts";
import { usesShownTo } from "./special-use.ts";

export interface SelectionOption {
  readonly name: string;
  /** Undefined = keeps everything. */
  keeps?(entry: ListEntry, session: Session): boolean;
}

/** What one LIST was asked to return. */
export interface ReturnOption {
  readonly name: string;
  /** Attributes it adds inside the parentheses. */
  attributes?(entry: ListEntry, session: Session): readonly string[];
  /** Lines it writes after the LIST line. */
  after?(entry: ListEntry, session: Session): void | Promise<void>;
}

export const SELECTION_OPTIONS: ReadonlyMap<string, SelectionOption> = new Map(
  (
    [
      { name: "SUBSCRIBED" },
      // There are no remote mailboxes on this server; the murder's front end has its own LIST.
      { name: "REMOTE" },
      { name: "RECURSIVEMATCH" },
      // Names of Cyrus: show calendars and the like; to administrators what can be undeleted.
      { name: "VENDOR.CMU-DAV" },
      { name: "VENDOR.CMU-INCLUDE-DELETED" },
      {
        name: "SPECIAL-USE",
        keeps: ({ mailbox }, session) => mailbox !== undefined && usesShownTo(session, mailbox).length > 0,
      },
    ] satisfies SelectionOption[]
  ).map((option) => [option.name, option]),
);

export const RETURN_OPTIONS: ReadonlyMap<string, (reader: Reader, session: Session) => ReturnOption> =
  new Map([
    [
      "SUBSCRIBED",
      (): ReturnOption => ({
        name: "SUBSCRIBED",
        attributes: ({ subscribed }) => (subscribed ? ["\\Subscribed"] : []),
      }),
    ],
    [
      "MYRIGHTS",
      (): ReturnOption => ({
        name: "MYRIGHTS",
        // RFC 8440 §4: none for names that are no mailboxes.
        after({ mailbox, external }, session) {
          if (mailbox === undefined || mailbox.intermediate) return;
          const rights = session.rightsOn(mailbox);
          if (maySeeOwnRights(rights)) writeMyRights(session, external, rights);
        },
      }),
    ],
    [
      "METADATA",
      (reader: Reader): ReturnOption => {
        let options = PLAIN_OPTIONS;
        if (startsOptions(reader.sp())) {
          options = readMetadataOptions(reader);
          reader.sp();
        }
        const entries = readEntryNames(reader);
        return {
          name: "METADATA",
          after({ mailbox, external }, session) {
            if (mailbox === undefined || mailbox.intermediate || !mayReadMetadata(session, mailbox)) return;
            writeMetadata(session, external, metadataValues(session, mailbox, entries, options).values);
          },
        };
      },
    ],
    // Told always: the store knows without looking.
    ["CHILDREN", (): ReturnOption => ({ name: "CHILDREN" })],
    ["SPECIAL-USE", (): ReturnOption => ({ name: "SPECIAL-USE" })],
    [
      "STATUS",
      (reader: Reader, session: Session): ReturnOption => {
        const items = readStatusItems(reader.sp(), session);
        return {
          name: "STATUS",
          async after({ mailbox, external }) {
            if (mailbox === undefined || !isSelectable(mailbox)) return;
            // RFC 5819 §2: no STATUS where the user may not read.
            if (session.rightsOn(mailbox) & Right.read) await writeStatus(session, mailbox, external, items);
          },
        };
      },
    ],
  ]);

/** "(" [option *(SP option)] ")" before the reference. */
export function readSelectionOptions(reader: Reader): Set<string> {
  const names = new Set(reader.list((inner) => inner.keyword()));
  for (const name of names) if (!SELECTION_OPTIONS.has(name)) throw bad(`Unknown LIST option "${name}"`);
  // RFC 5258 §3.1: it only modifies another one.
  if (names.has("RECURSIVEMATCH") && !names.has("SUBSCRIBED") && !names.has("SPECIAL-USE")) {
    throw bad("RECURSIVEMATCH needs another option");
  }
  return names;
}

/** SP "RETURN" SP "(" … ")" at the end. */
export function readReturnOptions(reader: Reader, session: Session): ReturnOption[] {
  if (!reader.skip(" ")) return [];
  if (reader.keyword() !== "RETURN") throw bad("Expected RETURN");
  return reader.sp().list((inner) => {
    const name = inner.keyword();
    const option = RETURN_OPTIONS.get(name);
    if (option === undefined) throw bad(`Unknown return option "${name}"`);
    return option(inner, session);
  });
}
