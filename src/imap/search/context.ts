/** A search result that is kept up to date: ADDTO and REMOVEFROM of RFC 5267 §4.3. */
import type { Uid } from "../../base/numbers.ts";
import { printNumbers } from "../../wire/number-set.ts";
import { quoted } from "../codec/writer.ts";
import type { FetchItem } from "../fetch/item.ts";
import type { Selected } from "../selected.ts";
import type { Session } from "../session.ts";
import type { SortCriterion } from "../sort/criteria.ts";
import { sortUids } from "../sort/order.ts";
import { matching } from "./engine.ts";
import type { Matcher } from "./matcher.ts";

export interface ContextSpec {
  readonly tag: string;
  readonly by: "sequence" | "uid";
  readonly matcher: Matcher;
  /** undefined = mailbox order. */
  readonly criteria?: readonly SortCriterion[] | undefined;
  /** Of new messages that match (RFC 5465 §7). */
  readonly fetches: readonly FetchItem[];
}

/** What changed in a result, not yet told. */
export interface ContextChange {
  readonly added: readonly Uid[];
  readonly removed: readonly Uid[];
}

export class SearchContext {
  readonly spec: ContextSpec;
  readonly #session: Session;
  readonly #selected: Selected;
  readonly #members: Set<number>;
  /** As the client has them; only where there is an order to keep. */
  #order: number[];

  constructor(session: Session, selected: Selected, spec: ContextSpec, uids: readonly number[]) {
    this.#session = session;
    this.#selected = selected;
    this.spec = spec;
    this.#members = new Set(uids);
    this.#order = spec.criteria === undefined ? [] : [...uids];
  }

  /** Which of these messages, new or changed, came into the result or left it. */
  async judge(uids: readonly Uid[]): Promise<ContextChange> {
    const match = new Set(await matching(this.#session, this.#selected, this.spec.matcher, uids));
    return {
      added: uids.filter((uid) => match.has(uid) && !this.#members.has(uid)),
      removed: uids.filter((uid) => !match.has(uid) && this.#members.has(uid)),
    };
  }

  remove(uids: readonly number[]): void {
    const gone = uids.filter((uid) => this.#members.delete(uid));
    if (gone.length === 0) return;
    if (this.spec.criteria === undefined) {
      this.#tell("REMOVEFROM", [[0, gone]]);
      return;
    }
    const leaving = new Set(gone);
    const pairs: [number, number[]][] = [];
    const kept: number[] = [];
    for (const uid of this.#order) {
      if (!leaving.has(uid)) {
        kept.push(uid);
        continue;
      }
      // Positions count what is left after the pairs before; neighbours leave together.
      const pair = pairs.at(-1);
      if (pair !== undefined && pair[0] === kept.length + 1) pair[1].push(uid);
      else pairs.push([kept.length + 1, [uid]]);
    }
    this.#order = kept;
    this.#tell("REMOVEFROM", pairs);
  }

  async add(uids: readonly Uid[]): Promise<void> {
    if (uids.length === 0) return;
    const { criteria } = this.spec;
    // All together, because the old ones are in order already and only ranks are compared.
    const wanted =
      criteria === undefined
        ? uids
        : await sortUids(
            this.#session,
            this.#selected,
            [...this.#members, ...uids].sort((a, b) => a - b),
            criteria,
          );
    const fresh = new Set<number>(uids.filter((uid) => this.#selected.sequenceOf(uid) !== 0));
    for (const uid of fresh) this.#members.add(uid);
    if (criteria === undefined) {
      this.#tell("ADDTO", [[0, [...fresh]]]);
      return;
    }
    this.#insert(wanted, fresh);
  }

  /** Each new one goes behind the one before it in `sorted`; expunged ones that were not told keep their place. */
  #insert(sorted: readonly number[], fresh: ReadonlySet<number>): void {
    const after = new Map<number, number[]>();
    let before = 0;
    for (const uid of sorted) {
      if (!fresh.has(uid)) before = uid;
      else {
        const run = after.get(before);
        if (run === undefined) after.set(before, [uid]);
        else run.push(uid);
      }
    }
    const order: number[] = [];
    const pairs: [number, number[]][] = [];
    const take = (anchor: number): void => {
      const run = after.get(anchor);
      if (run === undefined) return;
      pairs.push([order.length + 1, run]);
      for (const uid of run) order.push(uid);
    };
    take(0);
    for (const uid of this.#order) {
      order.push(uid);
      take(uid);
    }
    this.#order = order;
    this.#tell("ADDTO", pairs);
  }

  /** `* ESEARCH (TAG "B01") UID ADDTO (0 32768:32769)`. */
  #tell(name: "ADDTO" | "REMOVEFROM", pairs: readonly (readonly [number, readonly number[]])[]): void {
    const { tag, by } = this.spec;
    const items: string[] = [];
    for (const [position, uids] of pairs) {
      const numbers = by === "uid" ? uids : uids.map((uid) => this.#selected.sequenceOf(uid));
      if (numbers.length > 0) items.push(`${position} ${printNumbers(numbers)}`);
    }
    if (items.length === 0) return;
    this.#session.untagged(
      `ESEARCH (TAG ${quoted(tag)})${by === "uid" ? " UID" : ""} ${name} (${items.join(" ")})`,
    );
  }
}
