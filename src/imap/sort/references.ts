/** THREAD=REFERENCES: RFC 5256 §3, BASE.6.4.THREAD, steps (1) to (6). */
import type { ThreadColumn } from "../columns/thread-column.ts";
import { STEP_ITEMS, type Steps } from "../turns.ts";
import { byPlace, type Thread } from "./threads.ts";

/** What the algorithm knows of the messages of a result, by their place in it. */
export interface ThreadInput {
  readonly column: ThreadColumn;
  /** Place of each message in the column. */
  readonly positions: ArrayLike<number>;
  /** Messages by sent date, then by number. */
  readonly byDate: Uint32Array;
  /** Equal for equal base subjects. */
  readonly subjects: ArrayLike<number>;
  /** The base subject that means "none". */
  readonly noSubject: number;
}

const NONE = -1;

/** Step (1): who is whose parent, by the references; ids first, then one node for each message without an own id. */
export class ReferenceLinks {
  readonly #column: ThreadColumn;
  readonly #parent: Int32Array;
  readonly #messageOf: Int32Array;
  readonly #hasChild: Uint8Array;
  readonly #nodeOf: Int32Array;
  #nodes: number;
  /** References followed in this step. */
  #work = 0;

  constructor(column: ThreadColumn, messageCount: number) {
    this.#column = column;
    this.#nodes = column.idCount + 1;
    const most = this.#nodes + messageCount;
    this.#parent = new Int32Array(most).fill(NONE);
    this.#messageOf = new Int32Array(most).fill(NONE);
    this.#hasChild = new Uint8Array(most);
    this.#nodeOf = new Int32Array(messageCount);
  }

  /** All messages, by their places in the column. */
  *addAll(positions: ArrayLike<number>): Steps<void> {
    for (let message = 0; message < positions.length; message++) {
      const position = positions[message]!;
      const id = this.#column.messageIdAt(position);
      // A second message with the same id is a message of its own (step 1).
      const node = id !== 0 && this.#messageOf[id] === NONE ? id : this.#nodes++;
      this.#messageOf[node] = message;
      this.#nodeOf[message] = node;
      let before = NONE;
      for (const reference of this.#column.referencesAt(position)) {
        if (
          before !== NONE &&
          this.#parent[reference] === NONE &&
          !(this.#mayBeAbove(reference, before) && (yield* this.#isAbove(reference, before)))
        )
          this.#link(reference, before);
        before = reference;
        this.#work++;
      }
      // What the message itself says of its parent wins over what others said.
      this.#parent[node] = NONE;
      if (before !== NONE && !(this.#mayBeAbove(node, before) && (yield* this.#isAbove(node, before))))
        this.#link(node, before);
      if (++this.#work >= STEP_ITEMS) {
        this.#work = 0;
        yield;
      }
    }
  }

  /** The nearest ancestor that is a message, as that; else ~root for the placeholder at the top; NONE for neither. */
  *parentsOf(): Steps<Parents> {
    const count = this.#nodeOf.length;
    const ofMessage = new Int32Array(count).fill(NONE);
    const placeholders = new Int32Array(this.#nodes).fill(NONE);
    const path: number[] = [];
    let work = 0;
    for (let message = 0; message < count; message++) {
      let node = this.#parent[this.#nodeOf[message]!]!;
      let found = NONE;
      while (node !== NONE && found === NONE) {
        if (this.#messageOf[node] !== NONE) found = this.#messageOf[node]!;
        else if (placeholders[node] !== NONE) found = placeholders[node]!;
        else {
          path.push(node);
          if (this.#parent[node] === NONE) found = count + node;
          else node = this.#parent[node]!;
        }
        if (++work % STEP_ITEMS === 0) yield;
      }
      // As long as the way here, which was in steps.
      for (const passed of path) placeholders[passed] = found;
      path.length = 0;
      ofMessage[message] = found;
      if (++work % STEP_ITEMS === 0) yield;
    }
    return { ofMessage, nodes: count + this.#nodes };
  }

  #link(child: number, parent: number): void {
    this.#parent[child] = parent;
    this.#hasChild[parent] = 1;
  }

  /** Only a node that has children can be above its own parent. */
  #mayBeAbove(child: number, node: number): boolean {
    return child === node || this.#hasChild[child] === 1;
  }

  /** Linked below `node`, `child` would be its own ancestor. */
  *#isAbove(child: number, node: number): Steps<boolean> {
    for (let above = node; above !== NONE; above = this.#parent[above]!) {
      if (above === child) return true;
      if (++this.#work >= STEP_ITEMS) {
        this.#work = 0;
        yield;
      }
    }
    return false;
  }
}

export interface Parents {
  readonly ofMessage: Int32Array;
  readonly nodes: number;
}

/** Steps (2) to (4): without empty placeholders, everything by date. Parents ≥ the number of messages are placeholders. */
export function* rootsOf(byDate: Uint32Array, parents: Parents): Steps<Thread[]> {
  const count = byDate.length;
  const threads: Thread[] = [];
  for (let message = 0; message < count; message++) {
    threads.push({ message, children: [] });
    if (message % STEP_ITEMS === STEP_ITEMS - 1) yield;
  }
  const placeholders = new Map<number, Thread>();
  const roots: Thread[] = [];
  for (let place = 0; place < count; place++) {
    const message = byDate[place]!;
    const thread = threads[message]!;
    const parent = parents.ofMessage[message]!;
    if (parent === NONE) roots.push(thread);
    else if (parent < count) threads[parent]!.children.push(thread);
    else {
      let placeholder = placeholders.get(parent);
      if (placeholder === undefined) {
        placeholder = { message: NONE, children: [] };
        placeholders.set(parent, placeholder);
        roots.push(placeholder);
      }
      placeholder.children.push(thread);
    }
    if (place % STEP_ITEMS === STEP_ITEMS - 1) yield;
  }
  for (let i = 0; i < roots.length; i++) {
    const root = roots[i]!;
    if (root.message === NONE && root.children.length === 1) roots[i] = root.children[0]!;
    if (i % STEP_ITEMS === STEP_ITEMS - 1) yield;
  }
  return roots;
}

function firstOf({ message, children }: Thread): number {
  return message === NONE ? (children[0]?.message ?? NONE) : message;
}

/** Steps (5) and (6): threads of the same base subject come together, again by date. */
export function* gatherSubjects(roots: readonly Thread[], input: ThreadInput): Steps<Thread[]> {
  const { column, positions, subjects, noSubject, byDate } = input;
  const isReply = ({ message }: Thread): boolean => message !== NONE && column.isReplyAt(positions[message]!);
  const table = new Map<number, Thread>();
  for (let i = 0; i < roots.length; i++) {
    if (i % STEP_ITEMS === STEP_ITEMS - 1) yield;
    const root = roots[i]!;
    const subject = subjects[firstOf(root)]!;
    if (subject === noSubject) continue;
    const known = table.get(subject);
    const better =
      known === undefined ||
      (root.message === NONE && known.message !== NONE) ||
      (isReply(known) && !isReply(root));
    if (better) table.set(subject, root);
  }
  const gone = new Set<Thread>();
  const changed = new Set<Thread>();
  const result: Thread[] = [];
  let work = 0;
  for (const root of roots) {
    if (++work % STEP_ITEMS === 0) yield;
    if (gone.has(root)) continue;
    const subject = subjects[firstOf(root)]!;
    const known = subject === noSubject ? root : (table.get(subject) ?? root);
    if (known === root) {
      result.push(root);
      continue;
    }
    if (known.message === NONE) {
      changed.add(known);
      if (root.message !== NONE) known.children.push(root);
      else {
        for (const child of root.children) {
          known.children.push(child);
          if (++work % STEP_ITEMS === 0) yield;
        }
      }
    } else if (isReply(root) && !isReply(known)) {
      known.children.push(root);
      changed.add(known);
    } else {
      const both: Thread = { message: NONE, children: [known, root] };
      table.set(subject, both);
      gone.add(known);
      changed.add(both);
      result.push(both);
    }
  }
  // A placeholder stands where its oldest child does.
  const places = new Uint32Array(byDate.length);
  for (let place = 0; place < byDate.length; place++) {
    places[byDate[place]!] = place;
    if (place % STEP_ITEMS === STEP_ITEMS - 1) yield;
  }
  const placeOf = (thread: Thread): number => places[firstOf(thread)]!;
  yield* byPlace(changed, placeOf, byDate.length);
  const all: Thread = { message: NONE, children: [] };
  for (const thread of result) {
    if (!gone.has(thread)) all.children.push(thread);
    if (++work % STEP_ITEMS === 0) yield;
  }
  yield* byPlace([all], placeOf, byDate.length);
  return all.children;
}
