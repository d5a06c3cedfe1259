/**
 * What a search key is to the engine: a question about a message that may need more of it than is at hand. Answers
 * are true, false or "unknown yet", so that columns decide first, then what delivery parsed, then bytes; a body is
 * read only for messages that nothing cheaper decided.
 */
import type { MessageSummary } from "../../mime/summary.ts";
import type { Session } from "../session.ts";
import type { SearchTarget } from "./target.ts";

/** How much of a message a matcher may need: its columns, its summary, its header, all of it. */
export const Level = { view: 0, summary: 1, header: 2, body: 3 } as const;
export type Level = (typeof Level)[keyof typeof Level];

/** One message while it is judged. The engine reuses the object. */
export interface Candidate {
  readonly session: Session;
  readonly target: SearchTarget;
  readonly level: Level;
  readonly index: number;
  readonly uid: number;
  /** From level summary on. */
  readonly summary: MessageSummary;
  /** From level header on: the message's header with its blank line; at level body the whole message. */
  readonly bytes: Buffer;
}

export type Answer = boolean | undefined;

export interface Matcher {
  /** The highest level at which it still has an answer to find. */
  readonly level: Level;
  /** Has a MODSEQ key: the answer says the highest modseq of what was found (RFC 7162 §3.1.5). */
  readonly asksModseq?: boolean;
  /** Fixes what the command's numbers mean; once for each search, not again when a context is updated. */
  begin?(target: SearchTarget): void;
  /** Columns left `open` messages undecided: it may now look something up for all of them. */
  prepare?(session: Session, target: SearchTarget, open: number): Promise<void>;
  /** The key looks all its answers up; columns alone decide nothing. After `prepare`: who may match, ascending. */
  mayMatch?(): readonly number[] | undefined;
  matches(candidate: Candidate): Answer;
}

export function viewMatcher(matches: (candidate: Candidate) => boolean): Matcher {
  return { level: Level.view, matches };
}

export function not(inner: Matcher): Matcher {
  return {
    ...forwarding([inner]),
    matches(candidate) {
      const answer = inner.matches(candidate);
      return answer === undefined ? undefined : !answer;
    },
  };
}

export function or(left: Matcher, right: Matcher): Matcher {
  return {
    ...forwarding([left, right]),
    matches(candidate) {
      const one = left.matches(candidate);
      if (one === true) return true;
      const other = right.matches(candidate);
      if (other === true) return true;
      return one === undefined || other === undefined ? undefined : false;
    },
  };
}

export function and(matchers: readonly Matcher[]): Matcher {
  if (matchers.length === 1) return matchers[0]!;
  const cheapFirst = [...matchers].sort((a, b) => a.level - b.level);
  return {
    ...forwarding(matchers),
    matches(candidate) {
      let unknown = false;
      for (const matcher of cheapFirst) {
        const answer = matcher.matches(candidate);
        if (answer === false) return false;
        if (answer === undefined) unknown = true;
      }
      return unknown ? undefined : true;
    },
  };
}

function forwarding(inner: readonly Matcher[]): Omit<Matcher, "matches"> {
  return {
    level: Math.max(Level.view, ...inner.map(({ level }) => level)) as Level,
    asksModseq: inner.some(({ asksModseq }) => asksModseq === true),
    begin(target) {
      for (const matcher of inner) matcher.begin?.(target);
    },
    async prepare(session, target, open) {
      for (const matcher of inner) await matcher.prepare?.(session, target, open);
    },
  };
}
