/**
 * BODYSTRUCTURE and BODY: RFC 9051 §7.5.2. Where Dovecot 2.3 and Cyrus 3.6 agree, so do we: defaults of text, an empty
 * multipart sent as one empty text part, joined RFC 2231 parameters.
 */
import { envelopeAddresses, renderEnvelope } from "./envelope.ts";
import { imapNstring, imapString } from "./imap-string.ts";
import { parseParameterized, type Parameter } from "./parameters.ts";
import { encodingToken, type ParsedPart } from "./structure.ts";

/** "There is at least one part" (RFC 9051 body-type-mpart): a multipart without any is sent with this one. */
const EMPTY_TEXT = '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0';

/** As Latin-1. Recursion is bounded by MAX_DEPTH of the structure. `extended`: BODYSTRUCTURE, else BODY. */
export function renderBodyStructure(part: ParsedPart, extended: boolean): string {
  if (part.container === "multipart") {
    let text = "(";
    for (const child of part.children) text += renderBodyStructure(child, extended);
    if (part.children.length === 0) text += extended ? `${EMPTY_TEXT} NIL NIL NIL NIL)` : `${EMPTY_TEXT})`;
    text += ` ${imapString(subtypeAsWritten(part))}`;
    if (extended)
      text += ` ${parameterList(part.contentType?.parameters ?? [])}${dispositionAndBeyond(part)}`;
    return `${text})`;
  }
  const { fields } = part;
  const size = part.bodyEnd - part.bodyStart;
  const kind = part.opaque
    ? '"application" "octet-stream"'
    : `${imapString(typeAsWritten(part))} ${imapString(subtypeAsWritten(part))}`;
  let text = `(${kind} ${parameterList(part.contentType?.parameters ?? [], part.type === "text")} ${imapNstring(
    fields.id,
  )} ${imapNstring(fields.description)} ${imapString(encodingToken(fields.encoding))} ${size}`;
  if (part.type === "text") text += ` ${part.lines}`;
  else if (part.container === "message") {
    const child = part.children[0]!;
    text += ` ${renderEnvelope(child.envelope, envelopeAddresses(child.envelope))} ${renderBodyStructure(
      child,
      extended,
    )} ${part.lines}`;
  }
  if (extended) text += ` ${imapNstring(fields.md5)}${dispositionAndBeyond(part)}`;
  return `${text})`;
}

function typeAsWritten(part: ParsedPart): string {
  const value = part.contentType?.value;
  return value === undefined ? part.type : value.slice(0, value.indexOf("/"));
}

function subtypeAsWritten(part: ParsedPart): string {
  const value = part.contentType?.value;
  return value === undefined ? part.subtype : value.slice(value.indexOf("/") + 1);
}

/** Text without a charset is us-ascii (RFC 2045 §5.2). */
function parameterList(parameters: readonly Parameter[], defaultCharset = false): string {
  let text = "";
  let hasCharset = !defaultCharset;
  for (const { name, value } of parameters) {
    if (!hasCharset && name.length === 7 && name.toLowerCase() === "charset") hasCharset = true;
    text += `${text === "" ? "" : " "}${imapString(name)} ${imapString(value)}`;
  }
  if (!hasCharset) text += `${text === "" ? "" : " "}"charset" "us-ascii"`;
  return text === "" ? "NIL" : `(${text})`;
}

function dispositionAndBeyond({ fields }: ParsedPart): string {
  if (fields.disposition === undefined && fields.language === undefined && fields.location === undefined) {
    return " NIL NIL NIL";
  }
  return ` ${disposition(fields.disposition)} ${language(fields.language)} ${imapNstring(fields.location)}`;
}

function disposition(value: string | undefined): string {
  if (value === undefined) return "NIL";
  const parsed = parseParameterized(value);
  return parsed.value === "" ? "NIL" : `(${imapString(parsed.value)} ${parameterList(parsed.parameters)})`;
}

/** More are no language tags, and removing comments from hostile ones takes quadratic time. */
const MAX_LANGUAGE_CHARACTERS = 1_000;

/** RFC 3282 §2: a list of tags. */
function language(value: string | undefined): string {
  if (value === undefined) return "NIL";
  const tags = value
    .slice(0, MAX_LANGUAGE_CHARACTERS)
    .replace(/\([^)]*\)/g, "")
    .split(",")
    .map((tag) => tag.trim())
    .filter((tag) => tag !== "");
  return tags.length === 0 ? "NIL" : `(${tags.map(imapString).join(" ")})`;
}
