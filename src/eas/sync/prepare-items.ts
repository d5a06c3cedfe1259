/** Items on their way into an answer: read in order, several converted at once, inside a bound of bytes. */
import type { Uid } from "../../base/numbers.ts";
import { SystemFlag } from "../../store/model.ts";
import type { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import { AccountError, type MailCollection, type MailItem } from "../account/port.ts";
import type { BodyOptions, ItemClass, ItemContext } from "../item-class.ts";

/** Conversions under way. */
const MAX_UNDER_WAY = 24;
/** Roughly what the elements besides the body take. */
const ITEM_BYTES = 1024;

export interface ReadyItem {
  readonly item: MailItem;
  readonly write: (writer: WbxmlWriter) => void;
}

export interface BadUid {
  readonly uid: number;
  readonly receivedAt: number | undefined;
  readonly error: unknown;
}

export interface PreparedItems {
  readonly ready: readonly ReadyItem[];
  readonly bad: readonly BadUid[];
  /** The budget was used up before the last one. */
  readonly isCut: boolean;
  readonly bytes: number;
}

type Outcome = { readonly write: ReadyItem["write"] } | { readonly error: unknown };

/** @throws AccountError when the account cannot be asked: that is no item's fault */
export async function prepareItems(
  collection: MailCollection,
  uids: readonly number[],
  itemClass: Pick<ItemClass, "prepare">,
  context: ItemContext,
  budgetBytes: number,
): Promise<PreparedItems> {
  const ready: ReadyItem[] = [];
  const bad: BadUid[] = [];
  const underWay: { readonly item: MailItem; readonly outcome: Promise<Outcome> }[] = [];
  let bytes = 0;
  let isCut = false;
  const settle = async (): Promise<void> => {
    const next = underWay.shift();
    if (next === undefined) return;
    const outcome = await next.outcome;
    const { uid, internalDate } = next.item;
    if ("write" in outcome) ready.push({ item: next.item, write: outcome.write });
    else bad.push({ uid, receivedAt: internalDate, error: passWorldFailures(outcome.error) });
  };
  for await (const item of collection.items(uids as readonly Uid[])) {
    if (item.failure !== undefined) {
      bad.push({ uid: item.uid, receivedAt: undefined, error: passWorldFailures(item.failure) });
      continue;
    }
    if ((item.systemFlags & SystemFlag.deleted) !== 0) continue;
    const estimate = ITEM_BYTES + Math.min(item.sizeBytes, longestBody(context.options));
    if (bytes + estimate > budgetBytes && bytes > 0) {
      isCut = true;
      break;
    }
    bytes += estimate;
    const outcome = itemClass.prepare(item, context).then(
      (write): Outcome => ({ write }),
      (error: unknown): Outcome => ({ error }),
    );
    underWay.push({ item, outcome });
    if (underWay.length >= MAX_UNDER_WAY) await settle();
  }
  while (underWay.length > 0) await settle();
  return { ready, bad, isCut, bytes };
}

function passWorldFailures(error: unknown): unknown {
  if (error instanceof AccountError && error.code === "unavailable") throw error;
  return error;
}

/** Bytes of a body that these options let through. */
function longestBody({ bodyPreferences }: BodyOptions): number {
  if (bodyPreferences.length === 0) return Number.POSITIVE_INFINITY;
  return Math.max(
    ...bodyPreferences.map(({ truncationBytes }) => truncationBytes ?? Number.POSITIVE_INFINITY),
  );
}
