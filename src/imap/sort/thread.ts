/** Threads the messages of a result: reads the columns, then one of the algorithms. */
import { assert } from "../../base/assert.ts";
import { StringColumn } from "../columns/string-column.ts";
import { ThreadColumn } from "../columns/thread-column.ts";
import type { SearchTarget } from "../search/target.ts";
import type { Session } from "../session.ts";
import { countingPass, sortUids } from "./order.ts";
import { orderedSubjects } from "./ordered-subject.ts";
import { gatherSubjects, ReferenceLinks, rootsOf } from "./references.ts";
import type { Thread } from "./threads.ts";

export type ThreadAlgorithm = "REFERENCES" | "ORDEREDSUBJECT";

const CHECK_EVERY = 4096;

/** Threads over `uids`, ascending; messages are places in the `uids` that come back (some may be gone). */
export async function threadUids(
  session: Session,
  target: SearchTarget,
  found: readonly number[],
  algorithm: ThreadAlgorithm,
): Promise<{ threads: Thread[]; uids: readonly number[] }> {
  const names = ["thread", "sortSubject", "date"] as const;
  const [column, subjects] = await session.shared.columns.load(session, target, names);
  assert(column instanceof ThreadColumn && subjects instanceof StringColumn, "columns come as asked for");
  const sorted = await sortUids(session, target, found, [{ key: "date", reverse: false }]);
  // What was expunged meanwhile may stand in one column and not in another.
  const known = new Set(column.uids);
  const byDateUids = sorted.filter((uid) => known.has(uid));
  const uids = Uint32Array.from(byDateUids).sort();
  const placeOf = new Map<number, number>();
  uids.forEach((uid, place) => placeOf.set(uid, place));
  const byDate = Uint32Array.from(byDateUids, (uid) => placeOf.get(uid)!);
  const { ranks, distinct } = subjects.ranks();
  const subjectOf = Uint32Array.from(subjects.positionsOf(uids), (position) => ranks[position] ?? 0);
  if (algorithm === "ORDEREDSUBJECT") {
    const bySubject = countingPass(byDate, { of: subjectOf, bound: distinct + 1 }, false);
    return { threads: orderedSubjects(bySubject, byDate, subjectOf), uids: Array.from(uids) };
  }
  const positions = column.positionsOf(uids);
  const links = new ReferenceLinks(column, uids.length);
  for (let message = 0; message < uids.length; message++) {
    links.add(message, positions[message]!);
    if (message % CHECK_EVERY === CHECK_EVERY - 1) {
      const pause = session.pause();
      if (pause !== undefined) await pause;
    }
  }
  const roots = rootsOf(byDate, links.parentsOf());
  const pause = session.pause();
  if (pause !== undefined) await pause;
  // The empty string sorts first, when there is one.
  const noSubject = subjects.hasEmpty ? 0 : -1;
  const input = { column, positions, byDate, subjects: subjectOf, noSubject };
  return { threads: gatherSubjects(roots, input), uids: Array.from(uids) };
}
