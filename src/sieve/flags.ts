/** imap4flags: RFC 5232. Flags compare without case; a list keeps its first spelling. */
import type { Run } from "./run.ts";

/** A string may hold several flags with blanks between (RFC 5232 §2). */
export function splitFlags(texts: readonly string[]): readonly string[] {
  return texts.flatMap((text) => text.split(/\s+/)).filter((flag) => flag !== "");
}

export function uniqueFlags(flags: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  return flags.filter((flag) => {
    const key = flag.toLowerCase();
    const isNew = !seen.has(key);
    seen.add(key);
    return isNew;
  });
}

export function withoutFlags(flags: readonly string[], removed: readonly string[]): readonly string[] {
  const gone = new Set(removed.map((flag) => flag.toLowerCase()));
  return flags.filter((flag) => !gone.has(flag.toLowerCase()));
}

/** Flags in a variable; undefined = the internal one. */
export function flagsOf(run: Run, variable: string | undefined): readonly string[] {
  return variable === undefined ? run.flags : splitFlags([run.variable(variable.toLowerCase())]);
}

export function setFlags(run: Run, variable: string | undefined, flags: readonly string[]): void {
  if (variable === undefined) run.flags = flags;
  else run.setVariable(variable.toLowerCase(), flags.join(" "));
}
