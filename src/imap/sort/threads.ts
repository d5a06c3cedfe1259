/** Threads as trees, and how they are written: RFC 5256 §4. */
import type { Output } from "../../wire/output.ts";

export interface Thread {
  /** Position in the result; -1 for a placeholder, whose children are siblings below nothing. */
  readonly message: number;
  children: Thread[];
}

/**
 * thread-list = "(" (thread-members / thread-nested) ")"; a lone child follows its parent, several are nested.
 * With a stack of its own: a thread may be as deep as the mailbox is long.
 */
export function writeThreads(out: Output, threads: readonly Thread[], numbers: ArrayLike<number>): void {
  const stack: (Thread | "(" | ")")[] = [];
  for (const root of threads) {
    stack.push(")", root, "(");
    while (stack.length > 0) {
      const node = stack.pop()!;
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
      else for (let i = children.length - 1; i >= 0; i--) stack.push(")", children[i]!, "(");
    }
  }
}
