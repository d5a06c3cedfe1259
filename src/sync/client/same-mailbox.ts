/** Is there anything to tell the replica of a mailbox? The list of what is compared is that of Cyrus 3.6.1. */
import { printAcl } from "../../store/acl.ts";
import type { Mailbox } from "../../store/model.ts";
import {
  SPECIAL_USE_ENTRY,
  specialUseOf,
  type SyncAnnotation,
  type SyncMailbox,
} from "../codec/mailbox-line.ts";

/** Names of what differs; empty when nothing has to be sent. */
export function differences(
  own: Mailbox,
  annotations: Iterable<SyncAnnotation>,
  remote: SyncMailbox,
): readonly string[] {
  const found: string[] = [];
  const compare = (what: string, here: string | number, there: string | number): void => {
    if (here !== there) found.push(what);
  };
  compare("kind", own.intermediate ? 1 : 0, remote.intermediate ? 1 : 0);
  if (own.folderModseq > 0) compare("folder modseq", own.folderModseq, remote.folderModseq);
  if (own.intermediate) return found;
  compare("type", own.type, remote.type);
  compare("last UID", own.lastUid, remote.lastUid);
  compare("modseq", own.highestModseq, remote.highestModseq);
  compare("UIDVALIDITY", own.uidValidity, remote.uidValidity);
  compare("recent UID", own.recentUid, remote.recentUid);
  compare("recent time", own.recentTime, remote.recentTime);
  compare("POP3 last login", own.pop3LastLogin, remote.pop3LastLogin);
  compare("POP3 show after", own.pop3ShowAfter, remote.pop3ShowAfter);
  compare("options", own.options.toSorted().join(" "), remote.options.toSorted().join(" "));
  compare("ACL", printAcl(own.acl), printAcl(remote.acl));
  compare("special use", usesText(own.specialUse), usesText(specialUseOf(remote.annotations)));
  compare("annotations", annotationsText(annotations), annotationsText(remote.annotations));
  compare("messages", own.syncCrc, remote.syncCrc);
  compare("annotations of messages", own.syncCrcAnnot, remote.syncCrcAnnot);
  return found;
}

function usesText(uses: readonly string[]): string {
  return uses
    .map((use) => use.toLowerCase())
    .toSorted()
    .join(" ");
}

function annotationsText(annotations: Iterable<SyncAnnotation>): string {
  return [...annotations]
    .filter(({ entry }) => entry !== SPECIAL_USE_ENTRY)
    .map(({ entry, userId, value }) => `${entry}\0${userId}\0${value.toString("latin1")}`)
    .toSorted()
    .join("\n");
}
