/** Email:Flag as devices send it and get it: MS-ASEMAIL §2.2.2.34. */
import { SystemFlag } from "../../store/model.ts";
import { tagOf, type Tag } from "../../wire/wbxml/code-pages.ts";
import type { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import { FLAG_FIELDS, type FlagField, type FollowUp } from "../account/item-marks.ts";
import type { ItemState } from "../account/port.ts";
import type { Element } from "../element.ts";
import { email } from "./email-tags.ts";
import { printDate } from "./print-date.ts";

const CLEARED = "0";
const COMPLETE = "1";
const ACTIVE = "2";
const USUAL_TYPE = "Flag for follow up";

const TAGS: Readonly<Record<FlagField, Tag>> = {
  FlagType: email.flagType,
  Subject: tagOf("Tasks:Subject"),
  DateCompleted: tagOf("Tasks:DateCompleted"),
  CompleteTime: tagOf("Email:CompleteTime"),
  StartDate: tagOf("Tasks:StartDate"),
  DueDate: tagOf("Tasks:DueDate"),
  UtcStartDate: tagOf("Tasks:UtcStartDate"),
  UtcDueDate: tagOf("Tasks:UtcDueDate"),
  ReminderSet: tagOf("Tasks:ReminderSet"),
  ReminderTime: tagOf("Tasks:ReminderTime"),
  OrdinalDate: tagOf("Tasks:OrdinalDate"),
  SubOrdinalDate: tagOf("Tasks:SubOrdinalDate"),
};
const DATES: ReadonlySet<FlagField> = new Set([
  "DateCompleted",
  "CompleteTime",
  "StartDate",
  "DueDate",
  "UtcStartDate",
  "UtcDueDate",
  "ReminderTime",
  "OrdinalDate",
]);

/** Undefined = no longer to be followed up; "invalid" = what MS-ASEMAIL answers with status 6. */
export function readFollowUp(flag: Element): FollowUp | undefined | "invalid" {
  const status = flag.textOf(email.flagStatus) ?? CLEARED;
  if (status === CLEARED) return undefined;
  if (status !== COMPLETE && status !== ACTIVE) return "invalid";
  const fields: Partial<Record<FlagField, string>> = {};
  for (const name of FLAG_FIELDS) {
    const text = flag.textOf(TAGS[name])?.trim() ?? "";
    if (text === "") continue;
    if (DATES.has(name)) {
      const ms = toMs(text);
      if (Number.isNaN(ms)) return "invalid";
      fields[name] = printDate(ms);
    } else if (name === "ReminderSet" && text !== "0" && text !== "1") return "invalid";
    else fields[name] = text;
  }
  const isGood = status === ACTIVE ? mayBeActive(fields) : mayBeComplete(fields);
  return isGood ? { status: status === ACTIVE ? "active" : "complete", fields } : "invalid";
}

/** All four dates or none, and in order: §2.2.2.31, §2.2.2.72, §2.2.2.86, §2.2.2.87. A reminder has a time: §2.2.2.64. */
function mayBeActive(fields: FollowUp["fields"]): boolean {
  const { StartDate, DueDate, UtcStartDate, UtcDueDate } = fields;
  const given = [StartDate, DueDate, UtcStartDate, UtcDueDate].filter((one) => one !== undefined).length;
  if (given !== 0 && given !== 4) return false;
  if (toMs(StartDate) > toMs(DueDate) || toMs(UtcStartDate) > toMs(UtcDueDate)) return false;
  return fields.ReminderSet !== "1" || fields.ReminderTime !== undefined;
}

/** Both, or neither, for devices that know no times: §2.2.2.19, §2.2.2.23. */
function mayBeComplete({ DateCompleted, CompleteTime }: FollowUp["fields"]): boolean {
  return (DateCompleted === undefined) === (CompleteTime === undefined);
}

/** `2026-01-05T10:00:00.000Z`, as MS-ASDTYPE §2.3 writes it; NaN for anything else and for nothing. */
function toMs(text: string | undefined): number {
  return text !== undefined && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z?$/.test(text)
    ? Date.parse(text.endsWith("Z") ? text : `${text}Z`)
    : Number.NaN;
}

/**
 * The IMAP flag decides whether there is something to do; the marks tell the rest while they do not contradict it, since
 * other programs change the flag without them. An empty element = nothing to follow up.
 */
export function writeFollowUp(writer: WbxmlWriter, { systemFlags, marks }: ItemState): void {
  const isActive = (systemFlags & SystemFlag.flagged) !== 0;
  const followUp = marks?.followUp;
  const fits = followUp?.status === (isActive ? "active" : "complete");
  if (!isActive && !fits) {
    writer.empty(email.flag);
    return;
  }
  const fields: FollowUp["fields"] = fits ? followUp.fields : {};
  writer.start(email.flag).text(email.flagStatus, isActive ? ACTIVE : COMPLETE);
  if (isActive && fields.FlagType === undefined) writer.text(email.flagType, USUAL_TYPE);
  for (const name of FLAG_FIELDS) {
    const text = fields[name];
    if (text !== undefined) writer.text(TAGS[name], text);
  }
  writer.end();
}
