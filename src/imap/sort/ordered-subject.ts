/** THREAD=ORDEREDSUBJECT, "poor man's threading": RFC 5256 §3. */
import type { Thread } from "./threads.ts";

/** The oldest message of a base subject is the parent of the others; `bySubject` is sorted by subject, then date. */
export function orderedSubjects(
  bySubject: ArrayLike<number>,
  byDate: Uint32Array,
  subjects: ArrayLike<number>,
): Thread[] {
  const threads: Thread[] = [];
  let subject = -1;
  let current: Thread | undefined;
  for (let i = 0; i < bySubject.length; i++) {
    const message = bySubject[i]!;
    const thread: Thread = { message, children: [] };
    if (current !== undefined && subjects[message] === subject) current.children.push(thread);
    else {
      current = thread;
      subject = subjects[message]!;
      threads.push(thread);
    }
  }
  const place = new Uint32Array(byDate.length);
  for (let i = 0; i < byDate.length; i++) place[byDate[i]!] = i;
  return threads.sort((a, b) => place[a.message]! - place[b.message]!);
}
