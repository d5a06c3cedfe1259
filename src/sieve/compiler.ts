/**
 * Syntax tree → steps that run. Everything that can be wrong with a script is found here, with its place: unknown
 * words, missing `require`, wrong arguments. Compiling needs no message; the result may be kept and run any number of
 * times.
 */
import { commandTable } from "./commands/table.ts";
import { SieveRuntimeError, SieveSyntaxError, type Position } from "./errors.ts";
import { capabilities } from "./capabilities.ts";
import type { SieveLimits } from "./limits.ts";
import { parseScript } from "./parser.ts";
import type { Flow, Run } from "./run.ts";
import { bindArguments, type BoundArguments, type Signature } from "./signature.ts";
import type { CommandNode, TestNode } from "./syntax.ts";
import { compileTemplate, decodeEncodedCharacters, type Template } from "./template.ts";
import { testTable } from "./tests/table.ts";

export type Step = (run: Run) => Flow;
export type Test = (run: Run) => boolean;

export interface CommandDefinition {
  readonly name: string;
  /** One of these must be required; absent = part of the base language. */
  readonly capability?: readonly string[];
  readonly signature: Signature;
  compile(args: BoundArguments, scope: Scope, node: CommandNode): Step;
}

export interface TestDefinition {
  readonly name: string;
  readonly capability?: readonly string[];
  readonly signature: Signature;
  compile(args: BoundArguments, scope: Scope, node: TestNode): Test;
}

/** @throws SieveSyntaxError */
export function compileScript(source: string, limits: SieveLimits): Step {
  const scope = new Scope(limits);
  return scope.block(scope.prologue(parseScript(source, limits)));
}

/** What the compiler knows at one place of one script. */
export class Scope {
  readonly limits: SieveLimits;
  readonly #required = new Set<string>();
  /** Capabilities that an enclosing `if ihave` promises (RFC 5463 §4). */
  #assumed: readonly string[] = [];
  loopDepth = 0;

  constructor(limits: SieveLimits) {
    this.limits = limits;
  }

  isRequired(capability: string): boolean {
    if (this.#required.has(capability) || this.#assumed.includes(capability)) return true;
    // RFC 5228 §2.7.3: these two are always there.
    return capability === "comparator-i;octet" || capability === "comparator-i;ascii-casemap";
  }

  /** Takes the `require` commands off the top (RFC 5228 §3.2) and returns the rest. */
  prologue(commands: readonly CommandNode[]): readonly CommandNode[] {
    let count = 0;
    for (const node of commands) {
      if (node.name !== "require") break;
      count += 1;
      const args = bindArguments(node, { positional: ["strings"] }, () => true);
      this.#finish(node, {});
      for (const capability of args.strings(0)) {
        if (!capabilities.has(capability)) {
          throw new SieveSyntaxError(node.position, `the extension "${capability}" is not supported`);
        }
        this.#required.add(capability);
        // RFC 6131 §2: its examples require nothing else.
        if (capability === "vacation-seconds") this.#required.add("vacation");
      }
    }
    return commands.slice(count);
  }

  block(nodes: readonly CommandNode[]): Step {
    const steps: Step[] = [];
    for (let index = 0; index < nodes.length; index += 1) {
      const node = nodes[index]!;
      if (node.name === "if") {
        const end = this.#endOfIf(nodes, index);
        steps.push(this.#if(nodes.slice(index, end)));
        index = end - 1;
      } else steps.push(this.#command(node));
    }
    return (run) => {
      for (const step of steps) {
        const flow = step(run);
        if (flow !== "next") return flow;
      }
      return "next";
    };
  }

  /** A script that another one includes: it has its own `require` (RFC 6609 §3.2). @throws SieveRuntimeError */
  compileIncluded(source: string): Step {
    try {
      return compileScript(source, this.limits);
    } catch (error) {
      throw new SieveRuntimeError(`the included script is wrong: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  test(node: TestNode): Test {
    const definition = testTable.get(node.name);
    if (definition === undefined) throw new SieveSyntaxError(node.position, `unknown test "${node.name}"`);
    this.#checkCapability(definition, node.position);
    const args = bindArguments(node, definition.signature, (capability) => this.isRequired(capability));
    this.#checkTests(node, definition.signature);
    const test = definition.compile(args, this, node);
    return (run) => {
      run.step();
      const result = test(run);
      if (run.trace !== undefined) run.note(`line ${node.position.line}: ${node.name} is ${result}`);
      return result;
    };
  }

  tests(nodes: readonly TestNode[]): readonly Test[] {
    return nodes.map((node) => this.test(node));
  }

  template(text: string, position: Position): Template {
    const decoded = this.isRequired("encoded-character") ? decodeEncodedCharacters(text, position) : text;
    return compileTemplate(decoded, this.isRequired("variables"));
  }

  templates(texts: readonly string[], position: Position): readonly Template[] {
    return texts.map((text) => this.template(text, position));
  }

  #if(nodes: readonly CommandNode[]): Step {
    const branches: { test: Test | undefined; body: Step }[] = [];
    for (const node of nodes) {
      const wantsTest = node.name !== "else";
      this.#finish(node, { tests: wantsTest ? "one" : "none", block: true });
      if (node.arguments.length > 0)
        throw new SieveSyntaxError(node.position, `${node.name} takes no arguments`);
      const promised = wantsTest ? ihaveNames(node.tests[0]!) : [];
      // RFC 5463 §4: a block that depends on an extension which is not here is parsed and left out.
      if (promised.some((name) => !capabilities.has(name))) continue;
      const before = this.#assumed;
      this.#assumed = [...before, ...promised];
      const test = wantsTest ? this.test(node.tests[0]!) : undefined;
      branches.push({ test, body: this.block(node.block!) });
      this.#assumed = before;
    }
    return (run) => {
      const branch = branches.find(({ test }) => test === undefined || test(run));
      return branch === undefined ? "next" : branch.body(run);
    };
  }

  #endOfIf(nodes: readonly CommandNode[], start: number): number {
    let end = start + 1;
    while (nodes[end]?.name === "elsif") end += 1;
    if (nodes[end]?.name === "else") end += 1;
    return end;
  }

  #command(node: CommandNode): Step {
    if (node.name === "elsif" || node.name === "else") {
      throw new SieveSyntaxError(node.position, `${node.name} without if`);
    }
    if (node.name === "require") {
      throw new SieveSyntaxError(node.position, "require must stand before all other commands");
    }
    const definition = commandTable.get(node.name);
    if (definition === undefined) throw new SieveSyntaxError(node.position, `unknown command "${node.name}"`);
    this.#checkCapability(definition, node.position);
    const args = bindArguments(node, definition.signature, (capability) => this.isRequired(capability));
    this.#finish(node, definition.signature);
    const step = definition.compile(args, this, node);
    return (run) => {
      run.step();
      return step(run);
    };
  }

  #checkCapability(definition: CommandDefinition | TestDefinition, position: Position): void {
    const wanted = definition.capability;
    if (wanted === undefined || wanted.some((capability) => this.isRequired(capability))) return;
    throw new SieveSyntaxError(position, `${definition.name} needs require "${wanted[0]}"`);
  }

  #checkTests(node: CommandNode | TestNode, signature: Signature): void {
    const count = node.tests.length;
    const wanted = signature.tests ?? "none";
    if (wanted === "none" && count > 0)
      throw new SieveSyntaxError(node.position, `${node.name} takes no test`);
    if (wanted === "one" && count !== 1)
      throw new SieveSyntaxError(node.position, `${node.name} takes one test`);
    if (wanted === "many" && count === 0)
      throw new SieveSyntaxError(node.position, `${node.name} needs tests`);
  }

  #finish(node: CommandNode, signature: Signature): void {
    this.#checkTests(node, signature);
    if (signature.block === true && node.block === undefined) {
      throw new SieveSyntaxError(node.position, `${node.name} needs a block`);
    }
    if (signature.block !== true && node.block !== undefined) {
      throw new SieveSyntaxError(node.position, `${node.name} takes no block`);
    }
  }
}

/** Extensions that hold inside the block of `if ihave [...]`, also as part of an `allof`. */
function ihaveNames(node: TestNode): readonly string[] {
  if (node.name === "allof") return node.tests.flatMap(ihaveNames);
  if (node.name !== "ihave") return [];
  return node.arguments.flatMap((argument) => (argument.kind === "strings" ? argument.values : []));
}
