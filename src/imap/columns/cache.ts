/**
 * Columns of mailboxes that were searched, sorted or threaded, shared by all sessions: built on first use from the
 * summaries, then only extended by what is new. Bounded; the one used longest ago goes first.
 */
import { assert } from "../../base/assert.ts";
import { Lru } from "../../base/lru.ts";
import type { Uid } from "../../base/numbers.ts";
import { fold } from "../../mime/fold.ts";
import type { MessageSummary } from "../../mime/summary.ts";
import { EnvelopeField, envelopeAddressText, envelopeSubject } from "../search/envelope.ts";
import type { SearchTarget } from "../search/target.ts";
import type { Session } from "../session.ts";
import { inTurns } from "../turns.ts";
import type { Column } from "./column.ts";
import { DateColumn } from "./date-column.ts";
import { StringColumn } from "./string-column.ts";
import { TextColumn } from "./text-column.ts";
import { ThreadColumn } from "./thread-column.ts";

const MAX_COLUMNS = 1024;
const MAX_COLUMN_BYTES = 192 * 1024 * 1024;
/** Read at once: under a millisecond, also of copied messages, whose summaries stand with the first copy. */
const SUMMARY_BATCH = 64;
/** A column may hold this many expunged messages more than live ones. */
const EXPUNGED_SLACK = 1024;

const addressText = (field: number) => (): TextColumn =>
  new TextColumn(({ envelope }) => fold(envelopeAddressText(envelope, field)));
const sortText = (read: (summary: MessageSummary) => string) => (): StringColumn => new StringColumn(read);

const MAKERS = {
  date: () => new DateColumn(),
  thread: () => new ThreadColumn(),
  sortSubject: sortText(({ baseSubject }) => baseSubject),
  sortFrom: sortText(({ sortFrom }) => sortFrom),
  sortTo: sortText(({ sortTo }) => sortTo),
  sortCc: sortText(({ sortCc }) => sortCc),
  displayFrom: sortText(({ displayFrom }) => displayFrom),
  displayTo: sortText(({ displayTo }) => displayTo),
  subject: () => new TextColumn(({ envelope }) => fold(envelopeSubject(envelope))),
  from: addressText(EnvelopeField.from),
  to: addressText(EnvelopeField.to),
  cc: addressText(EnvelopeField.cc),
  bcc: addressText(EnvelopeField.bcc),
};

export type ColumnName = keyof typeof MAKERS;
export type ColumnOf<Name extends ColumnName> = ReturnType<(typeof MAKERS)[Name]>;

export class ColumnCache {
  readonly #columns = new Lru<string, Column>({
    maxEntries: MAX_COLUMNS,
    maxSize: MAX_COLUMN_BYTES,
    sizeOf: ({ sizeBytes }) => sizeBytes,
  });
  /** As of which modseq a column was seen to have all that it should. */
  readonly #complete = new WeakMap<Column, number>();
  /** Columns that are being extended: others wait instead of reading the same again. */
  readonly #loading = new Map<string, Promise<void>>();

  /** How many messages would have to be read. */
  lagOf(target: SearchTarget, name: ColumnName): number {
    const { view } = target;
    return view.count - view.lowerBound((this.#columns.peek(keyOf(target, name))?.lastUid ?? 0) + 1);
  }

  async get<Name extends ColumnName>(
    session: Session,
    target: SearchTarget,
    name: Name,
  ): Promise<ColumnOf<Name>> {
    const [column] = await this.load(session, target, [name]);
    assert(column !== undefined, "a column was asked for");
    // MAKERS says which class belongs to the name.
    return column as ColumnOf<Name>;
  }

  /** Up to date as of now, one pass over the summaries for all of them. */
  async load(
    session: Session,
    target: SearchTarget,
    names: readonly ColumnName[],
  ): Promise<readonly Column[]> {
    const keys = names.map((name) => keyOf(target, name));
    for (const key of keys) await this.#dropIncomplete(session, target, key);
    // One after the other: whoever was first may have done all of it.
    for (let other = this.#loadingOf(keys); other !== undefined; other = this.#loadingOf(keys)) await other;
    const { view } = target;
    const columns = names.map((name, i) => {
      const kept = this.#columns.get(keys[i]!);
      return kept === undefined || kept.count > 2 * view.count + EXPUNGED_SLACK ? MAKERS[name]() : kept;
    });
    const stale = columns.filter(({ lastUid }) => view.lowerBound(lastUid + 1) < view.count);
    if (stale.length === 0) return columns;
    const loaded = extend(session, target, stale);
    const settled = loaded.then(
      () => undefined,
      () => undefined,
    );
    for (const key of keys) this.#loading.set(key, settled);
    try {
      await loaded;
      columns.forEach((column, i) => this.#columns.set(keys[i]!, column));
    } catch (error) {
      // Half-built columns are not kept.
      for (const key of keys) this.#columns.delete(key);
      throw error;
    } finally {
      for (const key of keys) if (this.#loading.get(key) === settled) this.#loading.delete(key);
    }
    return columns;
  }

  /** A message may come back by replication that was expunged when the column was made: then it is made anew. */
  async #dropIncomplete(session: Session, { view }: SearchTarget, key: string): Promise<void> {
    const column = this.#columns.peek(key);
    const { highestModseq } = view.mailbox;
    if (column === undefined || this.#complete.get(column) === highestModseq) return;
    if (await inTurns(session, column.holdsStartOf(view))) this.#complete.set(column, highestModseq);
    else this.#columns.delete(key);
  }

  #loadingOf(keys: readonly string[]): Promise<void> | undefined {
    for (const key of keys) {
      const loading = this.#loading.get(key);
      if (loading !== undefined) return loading;
    }
    return undefined;
  }
}

function keyOf({ id, view }: SearchTarget, name: ColumnName): string {
  return `${id}:${view.mailbox.uidValidity}:${name}`;
}

async function extend(session: Session, target: SearchTarget, columns: readonly Column[]): Promise<void> {
  const { view } = target;
  let after = Math.min(...columns.map(({ lastUid }) => lastUid));
  for (;;) {
    const from = view.lowerBound(after + 1);
    if (from >= view.count) break;
    const next = view.uids.subarray(from, Math.min(from + SUMMARY_BATCH, view.count));
    const batch = Array.from(next, (uid) => uid as Uid);
    after = batch.at(-1)!;
    for (const { uid, summary } of session.services.store.readSummaries(target.id, batch)) {
      for (const column of columns) if (uid > column.lastUid) column.add(uid, summary);
    }
    const pause = session.pause();
    if (pause !== undefined) await pause;
  }
  for (const column of columns) await inTurns(session, column.settle());
}
