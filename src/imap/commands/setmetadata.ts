/** SETMETADATA: RFC 5464 §4.3. The mailbox "" is the server; a NIL value removes. */
import type { Mailbox } from "../../store/model.ts";
import type { AnnotationChange } from "../../store/port.ts";
import { command } from "../command.ts";
import { checkWritable, metadataMailbox } from "../metadata/access.ts";
import { findBuiltIn } from "../metadata/built-in.ts";
import { MAX_ENTRIES_ASKED, readEntryName, type EntryName } from "../metadata/entry.ts";
import { bad, no } from "../refusal.ts";
import type { Session } from "../session.ts";

const MAX_VALUE_BYTES = 65_536;
/** Entries of one mailbox that one user can see, shared ones included. */
const MAX_ENTRIES = 500;

interface Change {
  readonly entry: EntryName;
  readonly value: Buffer | undefined;
}

export const setmetadata = command({
  name: "SETMETADATA",
  state: "authenticated",
  parse(reader) {
    const name = reader.sp().mailbox();
    const changes = reader
      .sp()
      .list((inner): Change => ({ entry: readEntryName(inner), value: inner.sp().nstringBytes() }));
    if (changes.length === 0 || changes.length > MAX_ENTRIES_ASKED) throw bad("Too many or no entries");
    return { name, changes };
  },
  async run(session, { name, changes }) {
    const mailbox = name === "" ? undefined : metadataMailbox(session, name);
    // Checked before the first is set, so that a refusal leaves all as they were.
    for (const { entry, value } of changes) {
      checkWritable(session, mailbox, entry);
      if ((value?.length ?? 0) > MAX_VALUE_BYTES)
        throw no("Value too long", `METADATA MAXSIZE ${MAX_VALUE_BYTES}`);
    }
    await setEntries(session, mailbox, changes);
  },
});

async function setEntries(
  session: Session,
  mailbox: Mailbox | undefined,
  changes: readonly Change[],
): Promise<void> {
  const { annotations } = session.services.store;
  const stored: AnnotationChange[] = [];
  for (const { entry, value } of changes) {
    const builtIn = mailbox === undefined ? undefined : findBuiltIn(entry);
    if (builtIn === undefined || mailbox === undefined) {
      const userId = entry.scope === "shared" ? "" : session.user;
      stored.push({ entry: entry.name, userId, value });
    } else await builtIn.write?.(session, mailbox, value?.toString("utf8"));
  }
  if (stored.length === 0) return;
  const known = new Set<string>();
  for (const { entry, userId } of annotations.list(mailbox?.name ?? "", session.user))
    known.add(`${entry} ${userId}`);
  for (const { entry, userId, value } of stored) if (value !== undefined) known.add(`${entry} ${userId}`);
  if (known.size > MAX_ENTRIES) throw no("Too many entries", "METADATA TOOMANY");
  await annotations.set(mailbox?.name ?? "", stored);
}
