/**
 * Where the time of a request went: `REQUEST:1147 (EMAIL:1095 (SQL:3, OTHER:1092), SQL:11, OTHER:41)`, in milliseconds.
 * A category stands once in a branch; children by descending time, OTHER last. Work under way at one time counts once.
 */
import { AsyncLocalStorage } from "node:async_hooks";

interface Span {
  readonly category: string;
  readonly parent: Span | undefined;
  readonly children: Map<string, Span>;
  running: number;
  startedMs: number;
  totalMs: number;
}

/** Spans of all requests: which one is open is told by the asynchronous context. */
const current = new AsyncLocalStorage<Span>();

export class Breakdown {
  readonly #root: Span = newSpan("REQUEST", undefined);
  readonly #nowMs: () => number;

  /** @param nowMs a clock that does not jump */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Runs the whole request. */
  request<T>(work: () => Promise<T>): Promise<T> {
    return this.#run(this.#root, work);
  }

  /** Counts `work`, and what it promises, under the category in the branch that is open. */
  time<T>(category: string, work: () => T): T {
    const parent = current.getStore() ?? this.#root;
    for (let span: Span | undefined = parent; span !== undefined; span = span.parent) {
      if (span.category === category) return work();
    }
    const span = parent.children.get(category) ?? newSpan(category, parent);
    parent.children.set(category, span);
    return this.#run(span, work);
  }

  toString(): string {
    return print(this.#root);
  }

  #run<T>(span: Span, work: () => T): T {
    const begin = (): void => {
      if (span.running++ === 0) span.startedMs = this.#nowMs();
    };
    const end = (): void => {
      if (--span.running === 0) span.totalMs += this.#nowMs() - span.startedMs;
    };
    begin();
    let promised = false;
    try {
      const result = current.run(span, work);
      if (!(result instanceof Promise)) return result;
      promised = true;
      result.then(end, end);
      return result;
    } finally {
      if (!promised) end();
    }
  }
}

function newSpan(category: string, parent: Span | undefined): Span {
  return { category, parent, children: new Map(), running: 0, startedMs: 0, totalMs: 0 };
}

function print(span: Span): string {
  const children = [...span.children.values()]
    .map((child) => ({ text: print(child), ms: rounded(child) }))
    .sort((a, b) => b.ms - a.ms);
  if (children.length === 0) return `${span.category}:${rounded(span)}`;
  const inside = children.reduce((sum, { ms }) => sum + ms, 0);
  // Children that ran side by side can take longer than the branch: then it is their sum.
  const total = Math.max(rounded(span), inside);
  const parts = [...children.map(({ text }) => text), `OTHER:${total - inside}`];
  return `${span.category}:${total} (${parts.join(", ")})`;
}

function rounded(span: Span): number {
  const inside = [...span.children.values()].reduce((sum, child) => sum + rounded(child), 0);
  return Math.max(Math.round(span.totalMs), inside);
}

/** The same object; time spent in its asynchronous methods counts under the category. */
export function timed<T extends object>(target: T, category: string, breakdown: Breakdown): T {
  return new Proxy(target, {
    get(_, name): unknown {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return (...values: unknown[]): unknown => {
        const result: unknown = breakdown.time(category, (): unknown => Reflect.apply(value, target, values));
        // A collection that was opened goes on counting.
        if (name !== "openMail" || !(result instanceof Promise)) return result;
        return result.then((answer: unknown) =>
          typeof answer === "object" && answer !== null ? timed(answer, category, breakdown) : answer,
        );
      };
    },
  });
}
