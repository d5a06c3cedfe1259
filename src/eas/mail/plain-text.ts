/** Plain text of mail: RFC 3676 flowed text put together, and the HTML form for devices that want only that. */
import { parameter } from "../../mime/parameters.ts";
import type { MailPart } from "./part.ts";

/** RFC 3676 §4: lines that end in a space go on in the next one of the same quote depth. */
export function unflow(text: string, part: MailPart): string {
  const parameters = part.contentType?.parameters;
  if (parameters === undefined || parameter(parameters, "format")?.toLowerCase() !== "flowed") return text;
  const deleteSpace = parameter(parameters, "delsp")?.toLowerCase() === "yes";
  const out: string[] = [];
  let open = false;
  let openDepth = 0;
  for (const line of text.split(/\r?\n/)) {
    let depth = 0;
    while (line.charCodeAt(depth) === 62) depth++;
    let content = line.slice(depth);
    if (content.startsWith(" ")) content = content.slice(1);
    // The signature separator is never joined (RFC 3676 §4.3).
    const isSignature = content === "-- ";
    const flows = !isSignature && content.endsWith(" ");
    const shown = flows && deleteSpace ? content.slice(0, -1) : content;
    if (open && depth === openDepth && !isSignature) out[out.length - 1] += shown;
    else out.push(depth === 0 ? shown : `${">".repeat(depth)} ${shown}`);
    open = flows;
    openDepth = depth;
  }
  return out.join("\r\n");
}

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ESCAPES[character]!);
}

/** A fragment without html and body. Links can be followed, white space at line starts stays. */
export function textToHtmlFragment(text: string): string {
  const lines = text.split(/\r\n|\r|\n/).map((line) => {
    const escaped = escapeHtml(line).replace(/^ +|\t| {2,}/g, (blank) => "&nbsp;".repeat(blank.length));
    return escaped.replace(
      /\bhttps?:\/\/[^\s<>"]{1,2000}?(?=[.,;:!?)\]]*(?:\s|&(?:lt|gt|quot|nbsp);|$))/g,
      '<a href="$&">$&</a>',
    );
  });
  return `<div>${lines.join("<br>\r\n")}</div>`;
}

export function textToHtml(text: string): string {
  return `<html><body>${textToHtmlFragment(text)}</body></html>`;
}
