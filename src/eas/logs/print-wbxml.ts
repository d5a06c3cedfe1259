/** WBXML as text for people: indented, `<AirSync:Sync>`. Secrets are always `*`; mail only when it is wanted. */
import { WbxmlError, WbxmlReader } from "../../wire/wbxml/reader.ts";
import { nameOf } from "../../wire/wbxml/code-pages.ts";

const SECRETS = new Set(["Settings:Password", "ItemOperations:Password", "Search:Password"]);
/** What people wrote. */
const PRIVATE = new Set([
  "AirSyncBase:Data",
  "AirSyncBase:Preview",
  "ComposeMail:Mime",
  "Email:Subject",
  "Email:ThreadTopic",
  "Email:MIMEData",
  "Email:To",
  "Email:Cc",
  "Email:From",
  "Email:ReplyTo",
  "Email:DisplayTo",
  "Email2:Sender",
  "Email2:Bcc",
  "ItemOperations:Data",
  "Settings:ReplyMessage",
  "Find:FreeText",
  "Search:FreeText",
  "Find:Preview",
  "GAL:Data",
]);
/** Longer content is cut: a trace shows the dialogue, not the attachments. */
const MAX_CONTENT_CHARACTERS = 2000;

/** Never throws: a document that is cut off or wrong is printed as far as it goes, with the reason. */
export function printWbxml(bytes: Buffer, show: "full" | "trimmed"): string {
  const lines: string[] = [];
  const open: string[] = [];
  try {
    const reader = new WbxmlReader(bytes);
    for (let event = reader.next(); event !== undefined; event = reader.next()) {
      const indent = "  ".repeat(open.length);
      if (event.kind === "start") {
        const name = nameOf(event.tag) ?? "unknown";
        lines.push(`${indent}<${name}${event.empty ? "/" : ""}>`);
        if (!event.empty) open.push(name);
      } else if (event.kind === "end") {
        const name = open.pop() ?? "";
        const line = `${"  ".repeat(open.length)}<${name}>`;
        const text = lines.at(-1) ?? "";
        // `<Status>1</Status>` in one line.
        const content = lines.at(-2) === line ? lines.pop()?.trim() : undefined;
        if (content === undefined && text !== line) lines.push(`${"  ".repeat(open.length)}</${name}>`);
        else lines[lines.length - 1] = `${line}${content ?? ""}</${name}>`;
      } else {
        lines.push(`${indent}${printContent(open.at(-1) ?? "", event.bytes, event.kind === "opaque", show)}`);
      }
    }
  } catch (error) {
    if (!(error instanceof WbxmlError)) throw error;
    lines.push(`(${error.message})`);
  }
  return lines.join("\n");
}

function printContent(element: string, bytes: Buffer, opaque: boolean, show: "full" | "trimmed"): string {
  if (SECRETS.has(element)) return "*";
  if (show === "trimmed" && PRIVATE.has(element)) return `(${bytes.length} bytes)`;
  const isText = !opaque || !bytes.includes(0);
  const text = (isText ? bytes.toString("utf8") : bytes.toString("base64")).slice(0, MAX_CONTENT_CHARACTERS);
  return text.replaceAll("\r", "").replaceAll("\n", "\\n");
}
