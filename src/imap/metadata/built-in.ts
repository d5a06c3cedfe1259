/**
 * Entries that are not stored as annotations but are properties of the mailbox: Cyrus's vendor entries, and special
 * use (RFC 6154 §4).
 */
import { isOwner } from "../../store/access.ts";
import { Right, type Rights } from "../../store/acl.ts";
import type { Mailbox, MailboxOption } from "../../store/model.ts";
import { printDateTime } from "../codec/date.ts";
import { printedUse, readSpecialUses, usesShownTo, useTaken } from "../list/special-use.ts";
import { no } from "../refusal.ts";
import type { Session } from "../session.ts";
import type { EntryName } from "./entry.ts";

export interface BuiltIn extends EntryName {
  /** Undefined = it has no value. */
  read(session: Session, mailbox: Mailbox): string | undefined;
  /** Absent = nobody may. `value` undefined = remove. */
  write?(session: Session, mailbox: Mailbox, value: string | undefined): Promise<void>;
  /** Needed to write. */
  readonly rights: Rights;
}

const CYRUS = "/vendor/cmu/cyrus-imapd/";

function shown(name: string, read: (mailbox: Mailbox, session: Session) => string | undefined): BuiltIn {
  return {
    scope: "shared",
    name: CYRUS + name,
    rights: Right.administer,
    read: (session, mailbox) => read(mailbox, session),
  };
}

function time(seconds: number): string | undefined {
  return seconds === 0 ? undefined : printDateTime(seconds).trimStart();
}

/** A mailbox OPTIONS letter of Cyrus as "true" or "false". */
function optionEntry(name: string, option: MailboxOption): BuiltIn {
  return {
    ...shown(name, ({ options }) => String(options.includes(option))),
    async write(session, { id, options }, value) {
      if (value !== undefined && value !== "true" && value !== "false") {
        throw no(`${CYRUS}${name} is true or false`, "CANNOT");
      }
      const others = options.filter((one) => one !== option);
      await session.services.store.setOptions(id, value === "true" ? [...others, option] : others);
    },
  };
}

const specialUse: BuiltIn = {
  scope: "private",
  name: "/specialuse",
  rights: 0,
  read(session, mailbox) {
    const uses = usesShownTo(session, mailbox);
    return uses.length === 0 ? undefined : uses.map((use) => `\\${printedUse(use)}`).join(" ");
  },
  async write(session, mailbox, value) {
    if (!isOwner(mailbox.name, session.user)) throw no("Only in your own mailboxes", "USEATTR");
    const uses = readSpecialUses((value ?? "").split(" ").filter((use) => use !== ""));
    try {
      await session.services.store.setSpecialUse(mailbox.id, uses);
    } catch (error) {
      throw useTaken(error);
    }
  },
};

export const BUILT_IN: readonly BuiltIn[] = [
  optionEntry("duplicatedeliver", "duplicateDeliver"),
  shown("foldermodseq", ({ folderModseq }) => String(folderModseq)),
  shown("lastpop", ({ pop3LastLogin }) => time(pop3LastLogin)),
  // Cyrus shows when its index file was changed; what counts for people is the last message.
  shown("lastupdate", ({ lastAppendDate, createdAt }) => time(Math.max(lastAppendDate, createdAt))),
  shown("partition", ({ partition }) => partition),
  optionEntry("pop3newuidl", "pop3NewUidl"),
  shown("pop3showafter", ({ pop3ShowAfter }) => time(pop3ShowAfter)),
  shown("server", (_mailbox, session) => session.services.hostName),
  optionEntry("sharedseen", "sharedSeen"),
  shown("size", ({ sizeBytes }) => String(sizeBytes)),
  // The two CRCs of the sync protocol: messages, annotations.
  shown("synccrcs", ({ syncCrc, syncCrcAnnot }) => `${syncCrc} ${syncCrcAnnot}`),
  shown("uniqueid", ({ uniqueId }) => uniqueId),
  specialUse,
];

export function findBuiltIn({ scope, name }: EntryName): BuiltIn | undefined {
  return BUILT_IN.find((entry) => entry.scope === scope && entry.name === name);
}

/** Cyrus's own entries need the right a, also those that are stored. */
export function isCyrusEntry({ scope, name }: EntryName): boolean {
  return scope === "shared" && name.startsWith(CYRUS);
}
