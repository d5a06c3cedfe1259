/**
 * Script text → syntax tree: RFC 5228 §8.2. Knows no command by name.
 *
 *     commands  = *command            command = identifier arguments (";" / block)        block = "{" commands "}"
 *     arguments = *argument [test / "(" test *("," test) ")"]       argument = string-list / number / tag
 */
import { SieveSyntaxError } from "./errors.ts";
import { Lexer, type Token } from "./lexer.ts";
import type { SieveLimits } from "./limits.ts";
import type { ArgumentNode, CommandNode, TestNode } from "./syntax.ts";

/** @throws SieveSyntaxError with the place */
export function parseScript(source: string, limits: SieveLimits): readonly CommandNode[] {
  return new Parser(source, limits).script();
}

class Parser {
  readonly #lexer: Lexer;
  readonly #limits: SieveLimits;
  #token: Token;
  #strings = 0;

  constructor(source: string, limits: SieveLimits) {
    const start = { line: 1, column: 1 };
    if (Buffer.byteLength(source) > limits.maxScriptBytes) {
      throw new SieveSyntaxError(start, `the script is longer than ${limits.maxScriptBytes} bytes`);
    }
    this.#lexer = new Lexer(source.startsWith("\uFEFF") ? source.slice(1) : source);
    this.#limits = limits;
    this.#token = this.#lexer.next();
  }

  script(): readonly CommandNode[] {
    const commands = this.#commands(0);
    if (this.#token.kind !== "end") this.#fail("a command");
    return commands;
  }

  #commands(depth: number): readonly CommandNode[] {
    if (depth > this.#limits.maxNesting) {
      throw new SieveSyntaxError(
        this.#token.position,
        `blocks are nested deeper than ${this.#limits.maxNesting}`,
      );
    }
    const commands: CommandNode[] = [];
    while (this.#token.kind === "identifier") commands.push(this.#command(depth));
    return commands;
  }

  #command(depth: number): CommandNode {
    const { text: name, position } = this.#take();
    const rest = this.#argumentsAndTests(depth);
    if (this.#accept(";")) return { name, position, ...rest, block: undefined };
    if (!this.#accept("{")) this.#fail('";" or a block');
    const block = this.#commands(depth + 1);
    this.#expect("}");
    return { name, position, ...rest, block };
  }

  #argumentsAndTests(depth: number): { arguments: readonly ArgumentNode[]; tests: readonly TestNode[] } {
    const list: ArgumentNode[] = [];
    for (;;) {
      const argument = this.#argument();
      if (argument === undefined) break;
      list.push(argument);
    }
    return { arguments: list, tests: this.#tests(depth) };
  }

  #tests(depth: number): readonly TestNode[] {
    if (this.#token.kind === "identifier") return [this.#test(depth + 1)];
    if (!this.#accept("(")) return [];
    const tests: TestNode[] = [];
    do {
      tests.push(this.#test(depth + 1));
    } while (this.#accept(","));
    this.#expect(")");
    return tests;
  }

  #test(depth: number): TestNode {
    if (depth > this.#limits.maxNesting) {
      throw new SieveSyntaxError(
        this.#token.position,
        `tests are nested deeper than ${this.#limits.maxNesting}`,
      );
    }
    const { kind, text: name, position } = this.#token;
    if (kind !== "identifier") this.#fail("a test");
    this.#take();
    return { name, position, ...this.#argumentsAndTests(depth) };
  }

  #argument(): ArgumentNode | undefined {
    const { kind, text, value, position } = this.#token;
    if (kind === "tag") {
      this.#take();
      return { kind, name: text, position };
    }
    if (kind === "number") {
      this.#take();
      return { kind, value, position };
    }
    if (kind === "string") return { kind: "strings", values: [this.#string()], list: false, position };
    if (!this.#accept("[")) return undefined;
    const values: string[] = [];
    do values.push(this.#string());
    while (this.#accept(","));
    this.#expect("]");
    return { kind: "strings", values, list: true, position };
  }

  #string(): string {
    if (this.#token.kind !== "string") this.#fail("a string");
    this.#strings += 1;
    if (this.#strings > this.#limits.maxStrings) {
      throw new SieveSyntaxError(this.#token.position, `more than ${this.#limits.maxStrings} strings`);
    }
    return this.#take().text;
  }

  #take(): Token {
    const token = this.#token;
    this.#token = this.#lexer.next();
    return token;
  }

  #accept(punctuation: string): boolean {
    if (this.#token.kind !== "punctuation" || this.#token.text !== punctuation) return false;
    this.#take();
    return true;
  }

  #expect(punctuation: string): void {
    if (!this.#accept(punctuation)) this.#fail(`"${punctuation}"`);
  }

  #fail(expected: string): never {
    throw new SieveSyntaxError(this.#token.position, `${expected} expected, found "${this.#token.text}"`);
  }
}
