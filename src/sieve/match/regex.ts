/**
 * Regular expressions in time program × text, whatever the pattern: all threads of the automaton move together
 * (Thompson's construction with saved positions). A script's author cannot stop delivery with one.
 */
import { foldCase, parseRegex, type RegexProgram } from "./regex-parser.ts";

/** Longest text an expression is tried on; the rest is not looked at. */
const MAX_TEXT = 64 * 1024;

export class SieveRegex {
  readonly #program: RegexProgram;
  readonly #ignoreCase: boolean;

  /** @throws RegexSyntaxError */
  constructor(pattern: string, ignoreCase: boolean) {
    this.#program = parseRegex(pattern, ignoreCase);
    this.#ignoreCase = ignoreCase;
  }

  /** The whole match and its groups ("" where a group took no part), or undefined. Leftmost, greedy. */
  exec(input: string): readonly string[] | undefined {
    const text = input.slice(0, MAX_TEXT);
    const codes = Array.from(this.#ignoreCase ? foldCase(text) : text).map((char) => char.codePointAt(0)!);
    const saved = this.#run(codes);
    if (saved === undefined) return undefined;
    const originals = Array.from(text);
    const source =
      originals.length === codes.length ? originals : codes.map((code) => String.fromCodePoint(code));
    const groups: string[] = [];
    for (let group = 0; group <= this.#program.groups; group += 1) {
      const [start, end] = [saved[2 * group], saved[2 * group + 1]];
      groups.push(start === undefined || end === undefined ? "" : source.slice(start, end).join(""));
    }
    return groups;
  }

  #run(codes: readonly number[]): readonly (number | undefined)[] | undefined {
    const { instructions } = this.#program;
    let current = new Threads(instructions.length);
    let next = new Threads(instructions.length);
    let found: readonly (number | undefined)[] | undefined;
    for (let at = 0; at <= codes.length; at += 1) {
      // A later start has lower priority than every thread that is under way.
      if (found === undefined) this.#add(current, 0, at, codes.length, []);
      if (found !== undefined && current.list.length === 0) break;
      for (const { pc, saved } of current.list) {
        const instruction = instructions[pc]!;
        if (instruction.op === "match") {
          found = saved;
          break;
        }
        const code = codes[at];
        if (code === undefined) continue;
        const takes =
          instruction.op === "any" ||
          (instruction.op === "char" && instruction.code === code) ||
          (instruction.op === "set" && instruction.has(code));
        if (takes) this.#add(next, pc + 1, at + 1, codes.length, saved);
      }
      current.clear();
      [current, next] = [next, current];
    }
    return found;
  }

  /** Follows everything that takes no character, without recursion. */
  #add(
    threads: Threads,
    start: number,
    at: number,
    length: number,
    from: readonly (number | undefined)[],
  ): void {
    const stack: { pc: number; saved: readonly (number | undefined)[] }[] = [{ pc: start, saved: from }];
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      const { pc, saved } = top;
      if (threads.has(pc)) continue;
      threads.mark(pc);
      const instruction = this.#program.instructions[pc]!;
      if (instruction.op === "jump") stack.push({ pc: instruction.to, saved });
      else if (instruction.op === "split") {
        stack.push({ pc: instruction.second, saved }, { pc: instruction.first, saved });
      } else if (instruction.op === "save") {
        const copy = saved.slice();
        copy[instruction.slot] = at;
        stack.push({ pc: pc + 1, saved: copy });
      } else if (instruction.op === "begin") {
        if (at === 0) stack.push({ pc: pc + 1, saved });
      } else if (instruction.op === "end") {
        if (at === length) stack.push({ pc: pc + 1, saved });
      } else threads.list.push({ pc, saved });
    }
  }
}

class Threads {
  readonly list: { readonly pc: number; readonly saved: readonly (number | undefined)[] }[] = [];
  readonly #marks: Uint32Array;
  #generation = 1;

  constructor(size: number) {
    this.#marks = new Uint32Array(size);
  }

  has(pc: number): boolean {
    return this.#marks[pc] === this.#generation;
  }

  mark(pc: number): void {
    this.#marks[pc] = this.#generation;
  }

  clear(): void {
    this.list.length = 0;
    this.#generation += 1;
  }
}
