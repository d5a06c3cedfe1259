/**
 * What to tell a device next: expunges, items that the filter no longer lets in, changes, then new items, newest first.
 * Planning moves the cursor past everything but the new items: those count when they are written (`Cursor.sent`).
 */
import { MAX_UINT32, type Uid } from "../../base/numbers.ts";
import { SystemFlag } from "../../store/model.ts";
import type { ItemState, MailCollection } from "../account/port.ts";
import { type Cursor, flagBits } from "./cursor.ts";

/** Changes asked for at a time. */
const PAGE = 512;
/** Changes looked at in one request; the rest in the next. */
const MAX_LOOKED_AT = 50_000;
/** An unchanged cursor is written again when it stands so many changes behind. */
const WORTH_WRITING = 32;

export interface Wanted {
  /** Seconds, as `sinceOf` gives it. */
  readonly since: number;
  /** Operations at most. */
  readonly window: number;
}

export class Plan {
  readonly deletes: number[] = [];
  readonly softDeletes: number[] = [];
  readonly changes: ItemState[] = [];
  /** Highest UID first. */
  adds: number[] = [];
  more = false;
  room: number;
  /** The cursor is worth writing though there may be nothing to tell. */
  moved = false;
  lookedAt = 0;

  constructor(room: number) {
    this.room = room;
  }

  get count(): number {
    return this.deletes.length + this.softDeletes.length + this.changes.length + this.adds.length;
  }
}

type Collection = Pick<
  MailCollection,
  "epoch" | "highestModseq" | "uids" | "changedAfter" | "vanishedSince" | "states"
>;

/** Nothing can have changed: no look at the mailbox is needed. */
export function isQuiet(cursor: Cursor, { highestModseq }: Collection, since: number): boolean {
  return (
    highestModseq !== 0 &&
    cursor.complete &&
    !cursor.ageing &&
    cursor.since === since &&
    cursor.vanishedModseq >= highestModseq &&
    cursor.isPast(MAX_UINT32, highestModseq)
  );
}

/** The mailbox is another one than the cursor's, or an older state of it came back: sync from the start. */
export function isStale(cursor: Cursor, { highestModseq }: Pick<Collection, "highestModseq">): boolean {
  return (highestModseq === 0) !== (cursor.flags !== undefined) || highestModseq < cursor.position.modseq;
}

export async function planBatch(cursor: Cursor, collection: Collection, wanted: Wanted): Promise<Plan> {
  const plan = new Plan(wanted.window);
  if (isQuiet(cursor, collection, wanted.since)) return plan;
  await planExpunged(plan, cursor, collection);
  await planAgeing(plan, cursor, collection, wanted.since);
  const fresh =
    cursor.flags === undefined
      ? await planChanges(plan, cursor, collection, wanted.since)
      : await planComparison(plan, cursor, collection);
  await planAdds(plan, cursor, collection, wanted.since, fresh);
  plan.moved ||= plan.lookedAt > WORTH_WRITING;
  return plan;
}

async function planExpunged(plan: Plan, cursor: Cursor, collection: Collection): Promise<void> {
  // Read before asking: what goes meanwhile is asked for again.
  const { highestModseq } = collection;
  if (highestModseq !== 0 && cursor.vanishedModseq >= highestModseq) return;
  const vanished = highestModseq === 0 ? "unknown" : await collection.vanishedSince(cursor.vanishedModseq);
  let gone: number[];
  if (vanished === "unknown") {
    const live = await collection.uids(0);
    gone = cursor.known.missingFrom(live);
    for (const uid of cursor.excluded.missingFrom(live)) cursor.excluded.remove(uid);
  } else {
    gone = [...vanished].filter((uid) => cursor.known.has(uid));
    if (cursor.excluded.count > 0) for (const uid of vanished) cursor.excluded.remove(uid);
    plan.lookedAt += vanished.length;
  }
  const taken = gone.slice(0, plan.room);
  for (const uid of taken) {
    plan.deletes.push(uid);
    cursor.gone(uid);
  }
  plan.room -= taken.length;
  if (taken.length < gone.length) plan.more = true;
  else cursor.vanishedModseq = highestModseq;
}

async function planAgeing(plan: Plan, cursor: Cursor, collection: Collection, since: number): Promise<void> {
  if (since === cursor.since && !cursor.ageing) return;
  plan.moved = true;
  const widened = cursor.since !== 0 && since < cursor.since;
  if (widened) cursor.complete = false;
  const outside = since === 0 ? [] : cursor.known.missingFrom(await collection.uids(since));
  const taken = outside.slice(0, plan.room);
  for (const uid of taken) {
    plan.softDeletes.push(uid);
    cursor.gone(uid);
  }
  plan.room -= taken.length;
  cursor.since = since;
  cursor.ageing = taken.length < outside.length;
  if (cursor.ageing) plan.more = true;
}

/** Answers the new items it came by, while the cursor is complete; otherwise they are found by comparing. */
async function planChanges(
  plan: Plan,
  cursor: Cursor,
  collection: Collection,
  since: number,
): Promise<number[]> {
  const fresh: number[] = [];
  for (;;) {
    const { highestModseq } = collection;
    if (cursor.isPast(MAX_UINT32, highestModseq)) return fresh;
    if (plan.room === 0 || plan.lookedAt >= MAX_LOOKED_AT) {
      plan.more = true;
      return fresh;
    }
    const { modseq, uid } = cursor.position;
    const states = await collection.changedAfter({ modseq, uid: uid as Uid }, PAGE);
    let last: ItemState | undefined;
    for (const state of states) {
      if (plan.room === 0) break;
      last = state;
      plan.lookedAt++;
      if (handleChange(plan, cursor, state) || !cursor.complete) continue;
      if (state.internalDate >= since && !cursor.excluded.has(state.uid)) fresh.push(state.uid);
    }
    if (last !== undefined && (states.length === PAGE || last !== states.at(-1))) {
      cursor.advance({ modseq: last.modseq, uid: last.uid });
    } else {
      cursor.advance({ modseq: Math.max(highestModseq, last?.modseq ?? 0), uid: MAX_UINT32 });
    }
  }
}

/** False when the device does not have the item and should perhaps get it. */
function handleChange(plan: Plan, cursor: Cursor, state: ItemState): boolean {
  const isDeleted = (state.systemFlags & SystemFlag.deleted) !== 0;
  if (!cursor.known.has(state.uid)) return isDeleted;
  if (isDeleted) {
    plan.deletes.push(state.uid);
    cursor.gone(state.uid);
    plan.room--;
  } else if (!cursor.knowsChange(state)) {
    plan.changes.push(state);
    plan.room--;
  }
  return true;
}

/** Without CONDSTORE: the flags of everything that the device has. */
async function planComparison(plan: Plan, cursor: Cursor, collection: Collection): Promise<number[]> {
  const known = [...cursor.known] as Uid[];
  for (let at = 0; at < known.length; at += PAGE) {
    for (const state of await collection.states(known.slice(at, at + PAGE))) {
      const bits = flagBits(state);
      if (cursor.flags?.get(state.uid) === bits) continue;
      if (plan.room === 0) {
        plan.more = true;
        return [];
      }
      plan.changes.push(state);
      cursor.flags?.set(state.uid, bits);
      plan.room--;
    }
  }
  return [];
}

async function planAdds(
  plan: Plan,
  cursor: Cursor,
  collection: Collection,
  since: number,
  fresh: readonly number[],
): Promise<void> {
  let missing: number[];
  if (cursor.complete && cursor.flags === undefined) {
    missing = fresh.toSorted((a, b) => b - a);
  } else {
    const live = await collection.uids(since);
    const limit = Math.min(plan.room + 1, MAX_UINT32) + cursor.excluded.count;
    missing = cursor.known.newestOutside(live, limit).filter((uid) => !cursor.excluded.has(uid));
  }
  plan.adds = missing.slice(0, plan.room);
  plan.room -= plan.adds.length;
  const complete = plan.adds.length === missing.length;
  if (!complete) plan.more = true;
  if (complete !== cursor.complete) {
    cursor.complete = complete;
    plan.moved = true;
  }
}
