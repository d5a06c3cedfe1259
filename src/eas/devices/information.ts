/** Settings DeviceInformation (MS-ASCMD §2.2.3.45), also inside Provision from 14.1 on. */
import { nameOf, tagOf } from "../../wire/wbxml/code-pages.ts";
import type { Element } from "../element.ts";

const SET = tagOf("Settings:Set");
const KNOWN = new Set([
  "Model",
  "IMEI",
  "FriendlyName",
  "OS",
  "OSLanguage",
  "PhoneNumber",
  "UserAgent",
  "EnableOutboundSMS",
  "MobileOperator",
]);
/** DeviceInformationStringType of the schema. */
const MAX_CHARACTERS = 1024;

/** What Set holds, by element name. */
export function readInformation(element: Element): Readonly<Record<string, string>> {
  const items = element.child(SET)?.children ?? [];
  return Object.fromEntries(
    items.flatMap(({ tag, text }) => {
      const name = nameOf(tag)?.slice("Settings:".length) ?? "";
      return KNOWN.has(name) ? [[name, text.slice(0, MAX_CHARACTERS)]] : [];
    }),
  );
}
