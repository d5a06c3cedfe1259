/**
 * `value; name=value; …` of Content-Type and Content-Disposition: RFC 2045 §5.1 with RFC 2231 §3 continuations joined,
 * as Dovecot and Cyrus send them. Tolerates doubled semicolons, missing quotes and stray text.
 */

export interface Parameter {
  /** As written; joined RFC 2231 segments have the base name, with "*" when any of them was encoded. */
  readonly name: string;
  /** Octets as they stand (Latin-1), quoting removed, percent-encoding kept. */
  readonly value: string;
}

export interface Parameterized {
  /** Before the first semicolon, comments and white space removed: `text/plain`, `attachment`. */
  readonly value: string;
  readonly parameters: readonly Parameter[];
}

/** More than any real header has; the rest is ignored. */
const MAX_PARAMETERS = 1_000;
const NONE: readonly Parameter[] = [];

export function parseParameterized(text: string): Parameterized {
  let at = 0;
  const semicolon = text.indexOf(";");
  let value = semicolon < 0 ? text : text.slice(0, semicolon);
  if (value.indexOf("(") >= 0) {
    at = skipValue(text);
    value = text.slice(0, at).replace(/\((?:[^()\\]|\\.)*\)?/g, "");
  } else {
    at = semicolon < 0 ? text.length : semicolon;
  }
  value = value.replace(/[ \t]+/g, "");
  if (at >= text.length) return { value, parameters: NONE };

  const parameters: Parameter[] = [];
  let continued = false;
  while (at < text.length && parameters.length < MAX_PARAMETERS) {
    at = skipBlankAndComments(text, at + (text.charCodeAt(at) === 59 ? 1 : 0));
    const nameStart = at;
    while (at < text.length && !isNameEnd(text.charCodeAt(at))) at++;
    const name = text.slice(nameStart, at);
    at = skipBlankAndComments(text, at);
    if (text.charCodeAt(at) !== 61 || name === "") {
      // Not "name=": resume after the next semicolon.
      const resume = text.indexOf(";", at);
      if (resume < 0) break;
      at = resume;
      continue;
    }
    at = skipBlankAndComments(text, at + 1);
    let parameterValue: string;
    if (text.charCodeAt(at) === 34) {
      const end = quotedEnd(text, at);
      const raw = text.slice(at + 1, end);
      parameterValue = raw.indexOf("\\") < 0 ? raw : raw.replace(/\\(.)/g, "$1");
      at = end + 1;
    } else {
      const valueStart = at;
      while (at < text.length && !isValueEnd(text.charCodeAt(at))) at++;
      parameterValue = text.slice(valueStart, at);
    }
    if (name.indexOf("*") >= 0) continued = true;
    parameters.push({ name, value: parameterValue });
    at = skipBlankAndComments(text, at);
    if (at < text.length && text.charCodeAt(at) !== 59) {
      const resume = text.indexOf(";", at);
      if (resume < 0) break;
      at = resume;
    }
  }
  return { value, parameters: continued ? joinContinuations(parameters) : parameters };
}

/** Value of a parameter by lower-case name. */
export function parameter(list: readonly Parameter[], name: string): string | undefined {
  for (const entry of list) {
    if (entry.name.length === name.length && entry.name.toLowerCase() === name) return entry.value;
  }
  return undefined;
}

/** RFC 2231 §3: `name*0*`, `name*1` … in the order of their numbers; a gap ends the value. */
function joinContinuations(parameters: readonly Parameter[]): Parameter[] {
  const joined: Parameter[] = [];
  const segments = new Map<string, { name: string; parts: { value: string; encoded: boolean }[] }>();
  for (const entry of parameters) {
    const match = /^(.+?)\*(\d{1,4})(\*)?$/.exec(entry.name);
    if (match === null) {
      joined.push(entry);
      continue;
    }
    const base = match[1]!;
    const key = base.toLowerCase();
    let segment = segments.get(key);
    if (segment === undefined) segments.set(key, (segment = { name: base, parts: [] }));
    segment.parts[Number(match[2])] = { value: entry.value, encoded: match[3] === "*" };
  }
  for (const { name, parts } of segments.values()) {
    const run: { value: string; encoded: boolean }[] = [];
    for (let index = 0; parts[index] !== undefined; index++) run.push(parts[index]!);
    if (run.length === 0) continue;
    const encoded = run.some((part) => part.encoded);
    const value = run
      .map((part) => (encoded && !part.encoded ? percentEncode(part.value) : part.value))
      .join("");
    joined.push({ name: encoded ? `${name}*` : name, value });
  }
  return joined;
}

function percentEncode(text: string): string {
  return text.replace(
    /[^A-Za-z0-9!#$&+\-.^_`{|}~]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}

function skipValue(text: string): number {
  let at = 0;
  while (at < text.length && text.charCodeAt(at) !== 59) {
    at = text.charCodeAt(at) === 40 ? commentEnd(text, at) : at + 1;
  }
  return at;
}

function skipBlankAndComments(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 40) at = commentEnd(text, at) - 1;
    else if (code !== 32 && code !== 9) break;
  }
  return at;
}

/** First character after the comment that begins at `from` (nesting counted, not recursed). */
export function commentEnd(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 92) at++;
    else if (code === 40) depth++;
    else if (code === 41 && --depth === 0) return at + 1;
  }
  return text.length;
}

/** Position of the closing quote of the quoted string that begins at `from`, or the end of the text. */
export function quotedEnd(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 92) at++;
    else if (code === 34) return at;
  }
  return text.length;
}

function isNameEnd(code: number): boolean {
  return code === 61 || code === 59 || code === 32 || code === 9 || code === 34 || code === 40;
}

function isValueEnd(code: number): boolean {
  return code === 59 || code === 32 || code === 9 || code === 40;
}
