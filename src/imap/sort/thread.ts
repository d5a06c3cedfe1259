/** Threads the messages of a result: reads the columns, then one of the algorithms, in steps. */
import { assert } from "../../base/assert.ts";
import type { ColumnName } from "../columns/cache.ts";
import type { Column } from "../columns/column.ts";
import { StringColumn } from "../columns/string-column.ts";
import { ThreadColumn } from "../columns/thread-column.ts";
import type { SearchTarget } from "../search/target.ts";
import type { Session } from "../session.ts";
import { inTurns, STEP_ITEMS, type Steps } from "../turns.ts";
import { knownIn, orderOf } from "./order.ts";
import { orderedSubjects } from "./ordered-subject.ts";
import { gatherSubjects, ReferenceLinks, rootsOf } from "./references.ts";
import type { Thread } from "./threads.ts";

export type ThreadAlgorithm = "REFERENCES" | "ORDEREDSUBJECT";

export interface Threads {
  readonly threads: Thread[];
  /** The messages that `threads` speaks of, ascending; its numbers are places here. */
  readonly uids: Uint32Array;
}

const BY_DATE = [{ key: "date", reverse: false }] as const;

/** Threads over `found`, ascending; some of it may be gone meanwhile. */
export async function threadUids(
  session: Session,
  target: SearchTarget,
  found: readonly number[],
  algorithm: ThreadAlgorithm,
): Promise<Threads> {
  const names: ColumnName[] = ["sortSubject", "date"];
  if (algorithm === "REFERENCES") names.push("thread");
  const columns = await session.shared.columns.load(session, target, names);
  return inTurns(session, threading(target, found, columns));
}

function* threading(
  target: SearchTarget,
  found: readonly number[],
  columns: readonly Column[],
): Steps<Threads> {
  const [subjects, dates, links] = columns;
  assert(subjects instanceof StringColumn && dates !== undefined, "columns come as asked for");
  const uids = yield* inAll(yield* knownIn(target, found, columns), columns);
  const { ranks, bound } = yield* subjects.ranksOf(uids);
  const byDate = yield* orderOf(target, uids, BY_DATE, new Map([["date", dates]]));
  if (!(links instanceof ThreadColumn)) {
    return { threads: yield* orderedSubjects(byDate, ranks, bound), uids };
  }
  const positions = yield* links.positionsOf(uids);
  const references = new ReferenceLinks(links, uids.length);
  yield* references.addAll(positions);
  const roots = yield* rootsOf(byDate, yield* references.parentsOf());
  // The empty string sorts first, when there is one.
  const noSubject = subjects.hasEmpty ? 0 : -1;
  const input = { column: links, positions, byDate, subjects: ranks, noSubject };
  return { threads: yield* gatherSubjects(roots, input), uids };
}

/** What was expunged may stand in one column and not in another, that was built later. */
function* inAll(uids: Uint32Array, columns: readonly Column[]): Steps<Uint32Array> {
  let left = uids;
  for (const column of columns) {
    const positions = yield* column.positionsOf(left);
    const kept = new Uint32Array(left.length);
    let count = 0;
    for (let i = 0; i < left.length; i++) {
      if (positions[i]! >= 0) kept[count++] = left[i]!;
      if (i % STEP_ITEMS === STEP_ITEMS - 1) yield;
    }
    left = kept.subarray(0, count);
  }
  return left;
}
