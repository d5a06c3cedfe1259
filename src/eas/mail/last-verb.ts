/** What was last done with a mail: MS-ASEMAIL §2.2.2.44, §2.2.2.45. */
import { SystemFlag } from "../../store/model.ts";
import type { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import type { LastVerb } from "../account/item-marks.ts";
import type { ItemFlagChange, ItemState } from "../account/port.ts";
import type { Element } from "../element.ts";
import { email2 } from "./email-tags.ts";
import { printDate } from "./print-date.ts";

export const REPLY = 1;
export const REPLY_TO_ALL = 2;
export const FORWARD = 3;
const FORWARDED = "$Forwarded";
const NOTHING = { systemFlags: 0, keywords: [] };

/** The flags that other programs see, and the verb with its time; what else is marked stays. */
export function verbChange(lastVerb: LastVerb, { marks }: Pick<ItemState, "marks">): ItemFlagChange {
  const add =
    lastVerb.verb === FORWARD
      ? { systemFlags: 0, keywords: [FORWARDED] }
      : { systemFlags: SystemFlag.answered, keywords: [] };
  return { add, remove: NOTHING, marks: { ...marks, lastVerb } };
}

/** What a device says it did elsewhere; undefined when it says nothing of use. */
export function readVerb(data: Element): LastVerb | undefined {
  const verb = data.numberOf(email2.lastVerbExecuted);
  const atMs = Date.parse(data.textOf(email2.lastVerbExecutionTime) ?? "");
  if (verb !== REPLY && verb !== REPLY_TO_ALL && verb !== FORWARD) return undefined;
  return Number.isNaN(atMs) ? undefined : { verb, atMs };
}

/** The flags decide: a verb whose flag somebody took away is not told, one that has no time is told without. */
export function writeVerb(writer: WbxmlWriter, { systemFlags, keywords, marks }: ItemState): void {
  const isAnswered = (systemFlags & SystemFlag.answered) !== 0;
  const isForwarded = keywords.some((keyword) => keyword.toLowerCase() === FORWARDED.toLowerCase());
  const last = marks?.lastVerb;
  if (last !== undefined && (last.verb === FORWARD ? isForwarded : isAnswered)) {
    writer.text(email2.lastVerbExecuted, last.verb);
    writer.text(email2.lastVerbExecutionTime, printDate(last.atMs));
  } else if (isAnswered) writer.text(email2.lastVerbExecuted, REPLY);
  else if (isForwarded) writer.text(email2.lastVerbExecuted, FORWARD);
}
