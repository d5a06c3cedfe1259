/** THREAD=ORDEREDSUBJECT, "poor man's threading": RFC 5256 §3. */
import { STEP_ITEMS, type Steps } from "../turns.ts";
import type { Thread } from "./threads.ts";

/** The oldest message of a base subject is the parent of the others; by date. Subjects are below `bound`. */
export function* orderedSubjects(
  byDate: Uint32Array,
  subjects: ArrayLike<number>,
  bound: number,
): Steps<Thread[]> {
  const threads: Thread[] = [];
  // Places in `threads` plus one: a thread begins where its oldest message comes, so both orders are that of dates.
  const threadOf = new Uint32Array(bound);
  for (let place = 0; place < byDate.length; place++) {
    const message = byDate[place]!;
    const thread: Thread = { message, children: [] };
    const known = threadOf[subjects[message]!]!;
    if (known === 0) threadOf[subjects[message]!] = threads.push(thread);
    else threads[known - 1]!.children.push(thread);
    if (place % STEP_ITEMS === STEP_ITEMS - 1) yield;
  }
  return threads;
}
