/** STORE: RFC 9051 §6.4.6; UID STORE: §6.4.9; UNCHANGEDSINCE: RFC 7162 §3.1.3. */
import { toModseq, type Modseq, type Uid } from "../../base/numbers.ts";
import { Right } from "../../store/acl.ts";
import { readAnnotationChanges } from "../annotate/changes.ts";
import { storeAnnotations } from "../annotate/store-annotations.ts";
import { printNumbers } from "../../wire/number-set.ts";
import type { Reader } from "../codec/reader.ts";
import { command, type CommandCall } from "../command.ts";
import { flagsItem, modseqItem, uidItem } from "../fetch/columns.ts";
import { writeFetch } from "../fetch/engine.ts";
import type { FetchItem } from "../fetch/item.ts";
import { flagSet } from "../flags.ts";
import { changeInPieces } from "../flag-pieces.ts";
import { bad, no } from "../refusal.ts";
import type { Session } from "../session.ts";

const MODES = { "+": "add", "-": "remove", "": "replace" } as const;

export const store = command({
  name: "STORE",
  state: "selected",
  uid: true,
  holdsExpunges: true,
  parse(reader, session) {
    const set = reader.sp().sequenceSet();
    const unchangedSince = readUnchangedSince(reader.sp(), session);
    const item = reader.keyword();
    if (item === "ANNOTATION") {
      return { set, unchangedSince, changes: readAnnotationChanges(reader.sp(), session) };
    }
    const match = /^([+-]?)FLAGS(\.SILENT)?$/.exec(item);
    if (match === null) throw bad("Expected FLAGS, +FLAGS or -FLAGS");
    const mode = MODES[(match[1] ?? "") as keyof typeof MODES];
    return { set, unchangedSince, mode, silent: match[2] !== undefined, flags: flagSet(reader.sp().flags()) };
  },
  async run(session, parsed, call) {
    const { selected } = session;
    const { set, unchangedSince } = parsed;
    if (selected.readOnly) throw no("Mailbox is read-only", "READ-ONLY");
    if (parsed.changes !== undefined) {
      return storeAnnotations(session, selected.resolve(set, call.by), parsed.changes, unchangedSince, call);
    }
    const { mode, silent, flags } = parsed;
    const allowed = selected.permanentFlags;
    const keywordsAllowed = (selected.rights & Right.write) !== 0;
    // RFC 4314 §4: flags without the right are passed over; a change of which nothing is left is refused.
    const systemFlags = flags.systemFlags & allowed;
    const keywords = keywordsAllowed ? flags.keywords : [];
    const asked = flags.systemFlags !== 0 || flags.keywords.length > 0;
    if ((asked && systemFlags === 0 && keywords.length === 0) || (allowed === 0 && !keywordsAllowed)) {
      throw no("Needs the right s, w or t for these flags", "NOPERM");
    }
    const change = {
      mode,
      systemFlags,
      keywords,
      allowedSystemFlags: allowed,
      keywordsAllowed,
      ...(unchangedSince === undefined ? {} : { unchangedSince }),
    };
    const uids = selected.resolve(set, call.by);
    const modified: Uid[] = [];
    let missed = 0;
    for await (const { asked: some, result } of changeInPieces(session, uids, change)) {
      if (session.ended) return undefined;
      missed += await tell(session, call, some, result, silent);
      for (const uid of result.modified) modified.push(uid);
      const pause = session.pause();
      if (pause !== undefined) await pause;
    }
    if (session.ended) return undefined;
    if (modified.length > 0) {
      const numbers = call.by === "uid" ? modified : modified.map((uid) => selected.sequenceOf(uid));
      return {
        code: `MODIFIED ${printNumbers(numbers)}`,
        text: "Conditional STORE failed for some messages",
      };
    }
    return missed > 0
      ? { code: "EXPUNGEISSUED", text: `${call.name} completed, some messages are gone` }
      : undefined;
  },
});

/** SP "(" "UNCHANGEDSINCE" SP mod-sequence ")". */
function readUnchangedSince(reader: Reader, session: Session): Modseq | undefined {
  if (!reader.skip("(")) return undefined;
  if (reader.keyword() !== "UNCHANGEDSINCE") throw bad("Unknown STORE modifier");
  const modseq = toModseq(Math.min(reader.sp().number64(), Number.MAX_SAFE_INTEGER));
  reader.expect(")").sp();
  session.enableCondstore();
  return modseq;
}

/** The new flags of every message asked for; with .SILENT only their modseqs, and only once CONDSTORE is on. */
async function tell(
  session: Session,
  { by }: CommandCall,
  uids: readonly Uid[],
  { changed, modified, modseq }: { changed: readonly Uid[]; modified: readonly Uid[]; modseq: Modseq },
  silent: boolean,
): Promise<number> {
  const items: FetchItem[] = by === "uid" ? [uidItem] : [];
  if (session.condstore) items.push(modseqItem);
  if (!silent) {
    const failed = new Set<number>(modified);
    const told = failed.size === 0 ? uids : uids.filter((uid) => !failed.has(uid));
    return writeFetch(session, told, [...items, flagsItem]);
  }
  session.selected.noteOwn(changed, modseq);
  // RFC 7162 §3.1.3: MODSEQ is told even for a silent STORE.
  return session.condstore ? writeFetch(session, changed, items) : 0;
}
