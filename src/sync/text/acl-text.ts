/** ACLs in the text dialect: `"dpc22 lrswipcda anonymous 0 "`, blanks where Cyrus's other protocols have tabs. */
import { parseAcl, printAcl } from "../../store/acl.ts";
import type { Acl } from "../../store/model.ts";

/** With tabs when an identifier has a blank itself. */
export function printTextAcl(acl: Acl): string {
  const text = printAcl(acl);
  return text.includes(" ") ? text : text.replaceAll("\t", " ");
}

export function parseTextAcl(text: string): Acl {
  return parseAcl(text.includes("\t") ? text : text.replaceAll(" ", "\t"));
}
