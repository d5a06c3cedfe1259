/** STORE ANNOTATION: RFC 5257 §4.5. */
import type { Modseq, Uid } from "../../base/numbers.ts";
import { printNumbers } from "../../wire/number-set.ts";
import type { AnnotationChange } from "../../store/port.ts";
import type { CommandCall, CompletionLine } from "../command.ts";
import { modseqItem, uidItem } from "../fetch/columns.ts";
import { writeFetch } from "../fetch/engine.ts";
import { no } from "../refusal.ts";
import type { Session } from "../session.ts";
import { checkAnnotationChanges, MAX_ANNOTATIONS } from "./changes.ts";
import { visibleAnnotations } from "./visible.ts";

/** Messages looked at before others get a turn. */
const CHECK_EVERY = 64;

export async function storeAnnotations(
  session: Session,
  uids: readonly Uid[],
  changes: readonly AnnotationChange[],
  unchangedSince: Modseq | undefined,
  { by }: CommandCall,
): Promise<CompletionLine | undefined> {
  const { selected } = session;
  checkAnnotationChanges(changes, selected.rights);
  const wanted: Uid[] = [];
  const modified: number[] = [];
  for (const [at, uid] of uids.entries()) {
    const index = selected.view.indexOf(uid);
    if (index < 0) continue;
    // RFC 7162 §3.1.3
    if (unchangedSince !== undefined && selected.view.modseqs[index]! > unchangedSince) {
      modified.push(by === "uid" ? uid : selected.sequenceOf(uid));
      continue;
    }
    checkRoom(session, uid, changes);
    wanted.push(uid);
    const pause = at % CHECK_EVERY === CHECK_EVERY - 1 ? session.pause() : undefined;
    if (pause !== undefined) await pause;
  }
  if (wanted.length > 0) {
    const { modseq } = await session.services.store.annotateMessages(
      selected.id,
      wanted,
      changes,
      session.by,
    );
    if (session.ended) return undefined;
    selected.noteOwn(wanted, modseq);
    if (session.condstore)
      await writeFetch(session, wanted, by === "uid" ? [uidItem, modseqItem] : [modseqItem]);
  }
  return modified.length === 0
    ? undefined
    : { code: `MODIFIED ${printNumbers(modified)}`, text: "Conditional STORE failed for some messages" };
}

function checkRoom(session: Session, uid: Uid, changes: readonly AnnotationChange[]): void {
  const known = visibleAnnotations(session, session.selected.id, uid);
  const isKnown = (change: AnnotationChange): boolean =>
    known.some(({ entry, userId }) => entry === change.entry && userId === change.userId);
  const added = changes.filter((change) => change.value !== undefined && !isKnown(change)).length;
  if (added > 0 && known.length + added > MAX_ANNOTATIONS)
    throw no("Too many annotations", "ANNOTATE TOOMANY");
}
