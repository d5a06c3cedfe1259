/** The out-of-office message as Settings says it: MS-ASCMD §2.2.3.119 Oof, §2.2.3.121 OofState, §2.2.3.120 OofMessage. */
import { type Tag, tagOf } from "../../wire/wbxml/code-pages.ts";
import type { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import type { Vacation, VacationMessage } from "../account/port.ts";
import type { Element } from "../element.ts";

/** Arguments that make no sense: Status 5. */
export class VacationRefused extends Error {
  override name = "VacationRefused";
}

const OOF_STATE = tagOf("Settings:OofState");
const START_TIME = tagOf("Settings:StartTime");
const END_TIME = tagOf("Settings:EndTime");
const OOF_MESSAGE = tagOf("Settings:OofMessage");
const ENABLED = tagOf("Settings:Enabled");
const REPLY_MESSAGE = tagOf("Settings:ReplyMessage");
const BODY_TYPE = tagOf("Settings:BodyType");
const AUDIENCES = [
  ["internal", tagOf("Settings:AppliesToInternal")],
  ["externalKnown", tagOf("Settings:AppliesToExternalKnown")],
  ["externalUnknown", tagOf("Settings:AppliesToExternalUnknown")],
] as const satisfies readonly (readonly [string, Tag])[];
type Audience = (typeof AUDIENCES)[number][0];

const DISABLED = "0";
const ENABLED_ALWAYS = "1";
const ENABLED_BETWEEN = "2";
/** A reply is a note, not a message. */
const MAX_REPLY_BYTES = 64 * 1024;

/** @throws VacationRefused */
export function readVacation(set: Element): Vacation {
  const state = set.textOf(OOF_STATE) ?? DISABLED;
  if (![DISABLED, ENABLED_ALWAYS, ENABLED_BETWEEN].includes(state)) {
    throw new VacationRefused(`OofState is "${state}"`);
  }
  const startsAt = readTime(set.textOf(START_TIME));
  const endsAt = readTime(set.textOf(END_TIME));
  if (state === ENABLED_BETWEEN) {
    if (startsAt === undefined || endsAt === undefined)
      throw new VacationRefused("StartTime or EndTime is missing");
    if (endsAt <= startsAt) throw new VacationRefused("EndTime is not after StartTime");
  }
  const messages: Partial<Record<Audience, VacationMessage>> = {};
  for (const element of set.all(OOF_MESSAGE)) {
    const message = readMessage(element);
    for (const [audience, tag] of AUDIENCES) {
      if (element.child(tag) !== undefined && message !== undefined) messages[audience] = message;
    }
  }
  const between = state === ENABLED_BETWEEN;
  return {
    enabled: state !== DISABLED,
    startsAt: between ? startsAt : undefined,
    endsAt: between ? endsAt : undefined,
    internal: messages.internal,
    externalKnown: messages.externalKnown,
    externalUnknown: messages.externalUnknown,
  };
}

/** Undefined when this audience gets no answer. */
function readMessage(element: Element): VacationMessage | undefined {
  const text = element.textOf(REPLY_MESSAGE);
  if (!element.flagOf(ENABLED, false) || text === undefined) return undefined;
  if (Buffer.byteLength(text) > MAX_REPLY_BYTES) throw new VacationRefused("ReplyMessage is too long");
  return { text, isHtml: /^html$/i.test(element.textOf(BODY_TYPE) ?? "TEXT") };
}

/** Seconds since 1970. @throws VacationRefused */
function readTime(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw new VacationRefused(`"${text}" is no time`);
  return Math.floor(ms / 1000);
}

/** The children of Get; every audience is named, so that the device can show all three. */
export function writeVacation(writer: WbxmlWriter, vacation: Vacation): void {
  const between = vacation.startsAt !== undefined && vacation.endsAt !== undefined;
  writer.text(OOF_STATE, vacation.enabled ? (between ? ENABLED_BETWEEN : ENABLED_ALWAYS) : DISABLED);
  if (between) {
    writer
      .text(START_TIME, printTime(vacation.startsAt ?? 0))
      .text(END_TIME, printTime(vacation.endsAt ?? 0));
  }
  for (const [audience, tag] of AUDIENCES) {
    const message = vacation[audience];
    writer
      .start(OOF_MESSAGE)
      .empty(tag)
      .text(ENABLED, message === undefined ? 0 : 1);
    if (message !== undefined && message.text !== "") {
      writer.text(REPLY_MESSAGE, message.text).text(BODY_TYPE, message.isHtml ? "HTML" : "TEXT");
    }
    writer.end();
  }
}

/** MS-ASDTYPE §2.7.2. */
function printTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
