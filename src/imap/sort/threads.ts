/** Threads as trees, and how they are written: RFC 5256 §4. */
import type { Output } from "../../wire/output.ts";
import { STEP_ITEMS, type Steps } from "../turns.ts";

export interface Thread {
  /** Position in the result; -1 for a placeholder, whose children are siblings below nothing. */
  readonly message: number;
  children: Thread[];
}

/** Puts the children of `parents` in the order of their places, which are all different and below `bound`. */
export function* byPlace(
  parents: Iterable<Thread>,
  placeOf: (thread: Thread) => number,
  bound: number,
): Steps<void> {
  const childAt: (Thread | undefined)[] = [];
  const parentAt: (Thread | undefined)[] = [];
  for (let place = 0; place < bound; place++) {
    childAt.push(undefined);
    parentAt.push(undefined);
    if (place % STEP_ITEMS === STEP_ITEMS - 1) yield;
  }
  let work = 0;
  for (const parent of parents) {
    for (const child of parent.children) {
      const place = placeOf(child);
      childAt[place] = child;
      parentAt[place] = parent;
      if (++work % STEP_ITEMS === 0) yield;
    }
    parent.children = [];
    if (++work % STEP_ITEMS === 0) yield;
  }
  for (let place = 0; place < bound; place++) {
    const child = childAt[place];
    if (child !== undefined) parentAt[place]!.children.push(child);
    if (place % STEP_ITEMS === STEP_ITEMS - 1) yield;
  }
}

/**
 * thread-list = "(" (thread-members / thread-nested) ")"; a lone child follows its parent, several are nested.
 * With a stack of its own: a thread may be as deep as the mailbox is long.
 */
export function* writeThreads(
  out: Output,
  threads: readonly Thread[],
  numbers: ArrayLike<number>,
): Steps<void> {
  const stack: (Thread | "(" | ")")[] = [];
  let work = 0;
  for (const root of threads) {
    stack.push(")", root, "(");
    while (stack.length > 0) {
      const node = stack.pop()!;
      if (++work % STEP_ITEMS === 0) yield;
      if (typeof node === "string") {
        out.ascii(node);
        continue;
      }
      const { message, children } = node;
      if (message >= 0) {
        out.number(numbers[message]!);
        if (children.length > 0) out.ascii(" ");
      }
      const [only] = children;
      if (children.length === 1 && only !== undefined) stack.push(only);
      else {
        for (let i = children.length - 1; i >= 0; i--) {
          stack.push(")", children[i]!, "(");
          if (++work % STEP_ITEMS === 0) yield;
        }
      }
    }
  }
}
