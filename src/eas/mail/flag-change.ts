/** Read, Flag and Categories that a device sends: MS-ASEMAIL §2.2.2.58, §2.2.2.34, §2.2.2.16. */
import { SystemFlag } from "../../store/model.ts";
import { toUid } from "../../base/numbers.ts";
import { type FollowUp, NO_MARKS, sameMarks } from "../account/item-marks.ts";
import type { ItemFlagChange, ItemState, MailCollection } from "../account/port.ts";
import type { Element } from "../element.ts";
import { isCategory, toKeyword } from "./categories.ts";
import { email } from "./email-tags.ts";
import { readFollowUp } from "./follow-up.ts";
import { readVerb, verbChange } from "./last-verb.ts";

export interface FlagChanged {
  /** 0 when nothing had to be changed. */
  readonly modseq: number;
  readonly becameRead: boolean;
}

/** "gone" = the message is not there; "invalid" = a follow-up that MS-ASEMAIL does not allow. */
export async function changeFlags(
  collection: MailCollection,
  uid: number,
  data: Element,
): Promise<FlagChanged | "gone" | "invalid"> {
  const [state] = await collection.states([toUid(uid)]);
  if (state === undefined) return "gone";
  const change = flagChange(data, state);
  if (change === "invalid") return change;
  const { add, remove, marks } = change;
  const isNothing =
    marks === undefined &&
    add.systemFlags === 0 &&
    remove.systemFlags === 0 &&
    add.keywords.length === 0 &&
    remove.keywords.length === 0;
  if (isNothing) return { modseq: 0, becameRead: false };
  const modseq = (await collection.storeFlags([state.uid], change)).get(state.uid);
  if (modseq === undefined) return "gone";
  return { modseq, becameRead: (add.systemFlags & SystemFlag.seen) !== 0 };
}

/** What differs from what is there. */
function flagChange(data: Element, state: ItemState): ItemFlagChange | "invalid" {
  let addFlags = 0;
  let removeFlags = 0;
  const set = (flag: number, on: boolean): void => {
    if (on) addFlags |= flag & ~state.systemFlags;
    else removeFlags |= flag & state.systemFlags;
  };
  const before = state.marks ?? NO_MARKS;
  let marks = before;
  if (data.child(email.read) !== undefined) set(SystemFlag.seen, data.flagOf(email.read, false));
  const flag = data.child(email.flag);
  if (flag !== undefined) {
    const followUp = readFollowUp(flag);
    if (followUp === "invalid") return followUp;
    // Done and cleared are both no longer to be followed up, for programs that know the flag only.
    set(SystemFlag.flagged, followUp?.status === "active");
    const { followUp: _, ...others } = marks;
    marks = isPlain(followUp) ? others : { ...others, followUp };
  }
  const keywords = keywordChange(data.child(email.categories), state.keywords);
  let addKeywords = keywords.add;
  const lastVerb = readVerb(data);
  if (lastVerb !== undefined) {
    const verb = verbChange(lastVerb, { marks });
    addFlags |= verb.add.systemFlags & ~state.systemFlags;
    addKeywords = [...addKeywords, ...verb.add.keywords.filter((word) => !state.keywords.includes(word))];
    marks = { ...marks, lastVerb };
  }
  return {
    add: { systemFlags: addFlags, keywords: addKeywords },
    remove: { systemFlags: removeFlags, keywords: keywords.remove },
    ...(sameMarks(marks, before) ? {} : { marks }),
  };
}

/** The flag says all of it: nothing needs to be kept. */
function isPlain(followUp: FollowUp | undefined): followUp is undefined {
  return (
    followUp === undefined || (followUp.status === "active" && Object.keys(followUp.fields).length === 0)
  );
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
