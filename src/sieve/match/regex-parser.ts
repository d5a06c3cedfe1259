/**
 * POSIX extended regular expressions (draft-ietf-sieve-regex) → program for `regex.ts`. No back references, no
 * look-around: those cannot be matched in linear time.
 *
 *     alternation = branch *("|" branch)      branch = *(atom ["*" / "+" / "?" / "{" n ["," [m]] "}"])
 *     atom        = "(" alternation ")" / "[" set "]" / "." / "^" / "$" / "\" char / char
 */

export type Instruction =
  | { readonly op: "char"; readonly code: number }
  | { readonly op: "any" }
  | { readonly op: "set"; readonly has: (code: number) => boolean }
  | { readonly op: "begin" | "end" | "match" }
  | { readonly op: "save"; readonly slot: number }
  /** Tries `first`, then `second`. */
  | { readonly op: "split"; first: number; second: number }
  | { readonly op: "jump"; to: number };

export class RegexSyntaxError extends Error {
  override name = "RegexSyntaxError";
}

const MAX_PROGRAM = 5_000;
const MAX_REPEAT = 255;
const MAX_GROUP_DEPTH = 32;

const CLASSES: Record<string, (code: number) => boolean> = {
  alpha: (code) => /\p{L}/u.test(String.fromCodePoint(code)),
  digit: (code) => code >= 0x30 && code <= 0x39,
  alnum: (code) => /[\p{L}0-9]/u.test(String.fromCodePoint(code)),
  upper: (code) => /\p{Lu}/u.test(String.fromCodePoint(code)),
  lower: (code) => /\p{Ll}/u.test(String.fromCodePoint(code)),
  space: (code) => code === 0x20 || (code >= 0x09 && code <= 0x0d),
  blank: (code) => code === 0x20 || code === 0x09,
  punct: (code) => code > 0x20 && code < 0x7f && !/[A-Za-z0-9]/.test(String.fromCharCode(code)),
  print: (code) => code >= 0x20 && code !== 0x7f,
  graph: (code) => code > 0x20 && code !== 0x7f,
  cntrl: (code) => code < 0x20 || code === 0x7f,
  xdigit: (code) => /[0-9A-Fa-f]/.test(String.fromCodePoint(code)),
};

export interface RegexProgram {
  readonly instructions: readonly Instruction[];
  readonly groups: number;
}

/** @throws RegexSyntaxError */
export function parseRegex(pattern: string, ignoreCase: boolean): RegexProgram {
  return new RegexParser(pattern, ignoreCase).parse();
}

class RegexParser {
  readonly #chars: readonly string[];
  readonly #ignoreCase: boolean;
  #program: Instruction[] = [];
  #at = 0;
  #groups = 0;

  constructor(pattern: string, ignoreCase: boolean) {
    this.#chars = Array.from(pattern);
    this.#ignoreCase = ignoreCase;
  }

  parse(): RegexProgram {
    this.#emit({ op: "save", slot: 0 });
    this.#alternation(0);
    if (this.#at < this.#chars.length) throw new RegexSyntaxError("unbalanced )");
    this.#emit({ op: "save", slot: 1 });
    this.#emit({ op: "match" });
    return { instructions: this.#program, groups: this.#groups };
  }

  #alternation(depth: number): void {
    if (depth > MAX_GROUP_DEPTH) throw new RegexSyntaxError("groups are nested too deeply");
    const start = this.#program.length;
    this.#branch(depth);
    if (this.#chars[this.#at] !== "|") return;
    this.#at += 1;
    const first = this.#cut(start);
    const split = this.#emit({ op: "split", first: start + 1, second: 0 });
    this.#paste(first, start);
    const jump = this.#emit({ op: "jump", to: 0 });
    (this.#program[split] as { second: number }).second = this.#program.length;
    this.#alternation(depth);
    (this.#program[jump] as { to: number }).to = this.#program.length;
  }

  #branch(depth: number): void {
    while (this.#at < this.#chars.length && this.#chars[this.#at] !== "|" && this.#chars[this.#at] !== ")") {
      const start = this.#program.length;
      this.#atom(depth);
      this.#quantifiers(start);
    }
  }

  #quantifiers(start: number): void {
    for (;;) {
      const char = this.#chars[this.#at];
      if (char === "*") this.#repeat(start, 0, undefined);
      else if (char === "+") this.#repeat(start, 1, undefined);
      else if (char === "?") this.#repeat(start, 0, 1);
      else if (char === "{" && /^[0-9]$/.test(this.#chars[this.#at + 1] ?? "")) {
        const [min, max] = this.#counts();
        this.#repeat(start, min, max);
        continue;
      } else return;
      this.#at += 1;
    }
  }

  #counts(): [number, number | undefined] {
    const close = this.#chars.indexOf("}", this.#at);
    const match = /^(\d+)(,(\d*))?$/.exec(
      this.#chars.slice(this.#at + 1, close < 0 ? undefined : close).join(""),
    );
    if (match === null) throw new RegexSyntaxError("bad repetition count");
    this.#at = close + 1;
    const min = Number(match[1]);
    const max = match[2] === undefined ? min : match[3] === "" ? undefined : Number(match[3]);
    if (min > MAX_REPEAT || (max !== undefined && (max > MAX_REPEAT || max < min))) {
      throw new RegexSyntaxError("repetition count out of range");
    }
    return [min, max];
  }

  #repeat(start: number, min: number, max: number | undefined): void {
    const body = this.#cut(start);
    for (let count = 0; count < min; count += 1) this.#paste(body, start);
    if (max === undefined) {
      const split = this.#emit({ op: "split", first: this.#program.length + 1, second: 0 });
      this.#paste(body, start);
      this.#emit({ op: "jump", to: split });
      (this.#program[split] as { second: number }).second = this.#program.length;
      return;
    }
    const splits: number[] = [];
    for (let count = min; count < max; count += 1) {
      splits.push(this.#emit({ op: "split", first: this.#program.length + 1, second: 0 }));
      this.#paste(body, start);
    }
    for (const split of splits) (this.#program[split] as { second: number }).second = this.#program.length;
  }

  #atom(depth: number): void {
    const char = this.#chars[this.#at]!;
    this.#at += 1;
    if (char === "(") {
      this.#groups += 1;
      const group = this.#groups;
      this.#emit({ op: "save", slot: 2 * group });
      this.#alternation(depth + 1);
      if (this.#chars[this.#at] !== ")") throw new RegexSyntaxError("unbalanced (");
      this.#at += 1;
      this.#emit({ op: "save", slot: 2 * group + 1 });
    } else if (char === "[") this.#set();
    else if (char === ".") this.#emit({ op: "any" });
    else if (char === "^") this.#emit({ op: "begin" });
    else if (char === "$") this.#emit({ op: "end" });
    else if (char === "\\") this.#escaped();
    else if ("*+?".includes(char)) throw new RegexSyntaxError(`nothing before ${char}`);
    else this.#char(char);
  }

  #escaped(): void {
    const char = this.#chars[this.#at];
    if (char === undefined) throw new RegexSyntaxError("a backslash at the end");
    if (/[0-9]/.test(char)) throw new RegexSyntaxError("back references are not supported");
    this.#at += 1;
    this.#char(char);
  }

  #char(char: string): void {
    this.#emit({ op: "char", code: (this.#ignoreCase ? foldCase(char) : char).codePointAt(0)! });
  }

  #set(): void {
    const negated = this.#chars[this.#at] === "^";
    if (negated) this.#at += 1;
    const ranges: [number, number][] = [];
    const classes: ((code: number) => boolean)[] = [];
    for (let first = true; first || this.#chars[this.#at] !== "]"; first = false) {
      const char = this.#chars[this.#at];
      if (char === undefined) throw new RegexSyntaxError("[ without ]");
      if (char === "[" && this.#chars[this.#at + 1] === ":") {
        classes.push(this.#class());
        continue;
      }
      this.#at += 1;
      const low = char.codePointAt(0)!;
      let high = low;
      if (this.#chars[this.#at] === "-" && ![undefined, "]"].includes(this.#chars[this.#at + 1])) {
        high = this.#chars[this.#at + 1]!.codePointAt(0)!;
        this.#at += 2;
        if (high < low) throw new RegexSyntaxError("range out of order");
      }
      ranges.push([low, high]);
    }
    this.#at += 1;
    const inSet = (code: number) =>
      ranges.some(([low, high]) => code >= low && code <= high) || classes.some((has) => has(code));
    const folded = (code: number) =>
      inSet(code) ||
      inSet(String.fromCodePoint(code).toUpperCase().codePointAt(0)!) ||
      inSet(String.fromCodePoint(code).toLowerCase().codePointAt(0)!);
    const has = this.#ignoreCase ? folded : inSet;
    this.#emit({ op: "set", has: negated ? (code) => !has(code) : has });
  }

  #class(): (code: number) => boolean {
    const close = this.#chars.indexOf("]", this.#at + 2);
    const name = this.#chars.slice(this.#at + 2, Math.max(0, close - 1)).join("");
    const has = CLASSES[name];
    if (has === undefined || this.#chars[close - 1] !== ":") {
      throw new RegexSyntaxError(`unknown character class ${JSON.stringify(name)}`);
    }
    this.#at = close + 1;
    return has;
  }

  #emit(instruction: Instruction): number {
    if (this.#program.length >= MAX_PROGRAM) throw new RegexSyntaxError("expression too large");
    return this.#program.push(instruction) - 1;
  }

  /** Takes the instructions from `start` on out of the program; `#paste` puts copies back with moved targets. */
  #cut(start: number): readonly Instruction[] {
    return this.#program.splice(start);
  }

  #paste(body: readonly Instruction[], from: number): void {
    const shift = this.#program.length - from;
    for (const instruction of body) {
      if (instruction.op === "split") {
        this.#emit({ op: "split", first: instruction.first + shift, second: instruction.second + shift });
      } else if (instruction.op === "jump") this.#emit({ op: "jump", to: instruction.to + shift });
      else this.#emit(instruction);
    }
  }
}

export function foldCase(text: string): string {
  return text.toLowerCase();
}
