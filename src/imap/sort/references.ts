/** THREAD=REFERENCES: RFC 5256 §3, BASE.6.4.THREAD, steps (1) to (6). */
import type { ThreadColumn } from "../columns/thread-column.ts";
import type { Thread } from "./threads.ts";

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

  constructor(column: ThreadColumn, messageCount: number) {
    this.#column = column;
    this.#nodes = column.idCount + 1;
    const most = this.#nodes + messageCount;
    this.#parent = new Int32Array(most).fill(NONE);
    this.#messageOf = new Int32Array(most).fill(NONE);
    this.#hasChild = new Uint8Array(most);
    this.#nodeOf = new Int32Array(messageCount);
  }

  add(message: number, position: number): void {
    const id = this.#column.messageIdAt(position);
    // A second message with the same id is a message of its own (step 1).
    const node = id !== 0 && this.#messageOf[id] === NONE ? id : this.#nodes++;
    this.#messageOf[node] = message;
    this.#nodeOf[message] = node;
    let before = NONE;
    for (const reference of this.#column.referencesAt(position)) {
      if (before !== NONE && this.#parent[reference] === NONE) this.#link(reference, before);
      before = reference;
    }
    // What the message itself says of its parent wins over what others said.
    if (this.#parent[node] !== NONE) this.#parent[node] = NONE;
    if (before !== NONE) this.#link(node, before);
  }

  /** The nearest ancestor that is a message, as that; else ~root for the placeholder at the top; NONE for neither. */
  parentsOf(): { ofMessage: Int32Array; nodes: number } {
    const count = this.#nodeOf.length;
    const ofMessage = new Int32Array(count).fill(NONE);
    const placeholders = new Int32Array(this.#nodes).fill(NONE);
    const path: number[] = [];
    for (let message = 0; message < count; message++) {
      let node = this.#parent[this.#nodeOf[message]!]!;
      if (node === NONE) continue;
      let found = NONE;
      while (found === NONE) {
        if (this.#messageOf[node] !== NONE) found = this.#messageOf[node]!;
        else if (placeholders[node] !== NONE) found = placeholders[node]!;
        else {
          path.push(node);
          if (this.#parent[node] === NONE) found = count + node;
          else node = this.#parent[node]!;
        }
      }
      for (const passed of path) placeholders[passed] = found;
      path.length = 0;
      ofMessage[message] = found;
    }
    return { ofMessage, nodes: count + this.#nodes };
  }

  #link(child: number, parent: number): void {
    if (child === parent) return;
    // Only a node that has children can be above its own parent.
    if (this.#hasChild[child] === 1) {
      for (let node = parent; node !== NONE; node = this.#parent[node]!) if (node === child) return;
    }
    this.#parent[child] = parent;
    this.#hasChild[parent] = 1;
  }
}

/** Steps (2) to (4): without empty placeholders, everything by date. Parents ≥ the number of messages are placeholders. */
export function rootsOf(byDate: Uint32Array, parents: { ofMessage: Int32Array; nodes: number }): Thread[] {
  const count = byDate.length;
  const threads: Thread[] = Array.from({ length: count }, (_, message) => ({ message, children: [] }));
  const placeholders = new Map<number, Thread>();
  const roots: Thread[] = [];
  for (const message of byDate) {
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
  }
  return roots.map((root) =>
    root.message === NONE && root.children.length === 1 ? root.children[0]! : root,
  );
}

/** Steps (5) and (6): threads of the same base subject come together, again by date. */
export function gatherSubjects(roots: readonly Thread[], input: ThreadInput): Thread[] {
  const { column, positions, subjects, noSubject, byDate } = input;
  const firstOf = (thread: Thread): number =>
    thread.message === NONE ? (thread.children[0]?.message ?? NONE) : thread.message;
  const isReply = (thread: Thread): boolean =>
    thread.message !== NONE && column.isReplyAt(positions[thread.message]!);
  const table = new Map<number, Thread>();
  for (const root of roots) {
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
  for (const root of roots) {
    if (gone.has(root)) continue;
    const subject = subjects[firstOf(root)]!;
    const known = subject === noSubject ? root : (table.get(subject) ?? root);
    if (known === root) {
      result.push(root);
      continue;
    }
    if (known.message === NONE) {
      if (root.message === NONE) known.children.push(...root.children);
      else known.children.push(root);
      changed.add(known);
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
  const place = new Uint32Array(byDate.length);
  for (let i = 0; i < byDate.length; i++) place[byDate[i]!] = i;
  // A placeholder stands where its oldest child does.
  const placeOf = (thread: Thread): number => place[firstOf(thread)]!;
  const inOrder = (a: Thread, b: Thread): number => placeOf(a) - placeOf(b);
  for (const thread of changed) thread.children.sort(inOrder);
  return result.filter((thread) => !gone.has(thread)).sort(inOrder);
}
