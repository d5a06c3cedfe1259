/** Read, Flag and Categories that a device sends: MS-ASEMAIL §2.2.2.58, §2.2.2.34, §2.2.2.16. */
import { SystemFlag } from "../../store/model.ts";
import { toUid } from "../../base/numbers.ts";
import type { ItemFlagChange, ItemState, MailCollection } from "../account/port.ts";
import type { Element } from "../element.ts";
import { isCategory, toKeyword } from "./categories.ts";
import { email } from "./email-tags.ts";

export interface FlagChanged {
  /** 0 when nothing had to be changed. */
  readonly modseq: number;
  readonly becameRead: boolean;
}

/** Status of a follow-up that is still to be done: MS-ASEMAIL §2.2.2.65. */
const ACTIVE = "2";

/** Undefined when the message is gone. */
export async function changeFlags(
  collection: MailCollection,
  uid: number,
  data: Element,
): Promise<FlagChanged | undefined> {
  const [state] = await collection.states([toUid(uid)]);
  if (state === undefined) return undefined;
  const change = flagChange(data, state);
  const { add, remove } = change;
  const isNothing =
    add.systemFlags === 0 &&
    remove.systemFlags === 0 &&
    add.keywords.length === 0 &&
    remove.keywords.length === 0;
  if (isNothing) return { modseq: 0, becameRead: false };
  const modseq = (await collection.storeFlags([state.uid], change)).get(state.uid);
  if (modseq === undefined) return undefined;
  return { modseq, becameRead: (add.systemFlags & SystemFlag.seen) !== 0 };
}

/** What differs from what is there. */
function flagChange(data: Element, state: ItemState): ItemFlagChange {
  let addFlags = 0;
  let removeFlags = 0;
  const set = (flag: number, on: boolean): void => {
    if (on) addFlags |= flag & ~state.systemFlags;
    else removeFlags |= flag & state.systemFlags;
  };
  if (data.child(email.read) !== undefined) set(SystemFlag.seen, data.flagOf(email.read, false));
  const flag = data.child(email.flag);
  // Done (1) and cleared (0, or an empty element) are both no longer to be followed up.
  if (flag !== undefined) set(SystemFlag.flagged, flag.textOf(email.flagStatus) === ACTIVE);
  const keywords = keywordChange(data.child(email.categories), state.keywords);
  return {
    add: { systemFlags: addFlags, keywords: keywords.add },
    remove: { systemFlags: removeFlags, keywords: keywords.remove },
  };
}

function keywordChange(
  categories: Element | undefined,
  before: readonly string[],
): { add: readonly string[]; remove: readonly string[] } {
  if (categories === undefined) return { add: [], remove: [] };
  const wanted = new Map<string, string>();
  for (const { text } of categories.all(email.category)) {
    const keyword = toKeyword(text);
    if (keyword !== undefined) wanted.set(keyword.toLowerCase(), keyword);
  }
  const present = new Set(before.map((keyword) => keyword.toLowerCase()));
  return {
    add: [...wanted].filter(([key]) => !present.has(key)).map(([, keyword]) => keyword),
    remove: before.filter((keyword) => isCategory(keyword) && !wanted.has(keyword.toLowerCase())),
  };
}
