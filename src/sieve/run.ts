/** State of one script over one message. */
import type { EditedHeaders, SieveAction } from "./actions.ts";
import { SieveRuntimeError } from "./errors.ts";
import type { SieveLimits } from "./limits.ts";
import type { HeaderField, SieveEnvironment, SieveMessage, SievePart } from "./message.ts";

/** What a step wants next: the following one, the end of the script, of the included script, or of a loop. */
export type Flow = "next" | "stop" | "return" | { readonly leaveLoop: string | undefined };

export class Run {
  readonly message: SieveMessage;
  readonly environment: SieveEnvironment;
  readonly limits: SieveLimits;
  readonly actions: SieveAction[] = [];
  /** RFC 5229: lower-case names; shared between scripts only when `global` (RFC 6609 §3.4). */
  variables = new Map<string, string>();
  readonly globals = new Map<string, string>();
  /** Names that are global in the script that runs now. */
  globalNames: Set<string> = new Set();
  matches: readonly string[] = [];
  /** The internal variable of imap4flags (RFC 5232 §3). */
  flags: readonly string[] = [];
  implicitKeep = true;
  /** Part that foreverypart (RFC 5703) is at. */
  part: SievePart | undefined;
  readonly onceIncluded = new Set<string>();
  readonly trace: string[] | undefined;
  #headers: EditedHeaders;
  #steps = 0;
  #includes = 0;
  #includeDepth = 0;
  #variableBytes = 0;

  constructor(message: SieveMessage, environment: SieveEnvironment, limits: SieveLimits, traced: boolean) {
    this.message = message;
    this.environment = environment;
    this.limits = limits;
    this.trace = traced ? [] : undefined;
  }

  /** Called for every test, action and value that is matched. */
  step(): void {
    this.#steps += 1;
    if (this.#steps > this.limits.maxSteps) {
      throw new SieveRuntimeError(`the script took more than ${this.limits.maxSteps} steps`);
    }
  }

  /** Header of the message as edited so far. */
  get headers(): readonly HeaderField[] {
    return this.#headers ?? this.message.root.headers;
  }

  get editedHeaders(): EditedHeaders {
    return this.#headers;
  }

  editHeaders(headers: readonly HeaderField[]): void {
    this.#headers = headers;
  }

  act(action: SieveAction): void {
    if (this.actions.length >= this.limits.maxActions) {
      throw new SieveRuntimeError(`the script takes more than ${this.limits.maxActions} actions`);
    }
    if (
      action.kind === "redirect" &&
      this.actions.filter((other) => other.kind === "redirect").length >= this.limits.maxRedirects
    ) {
      throw new SieveRuntimeError(`the script redirects to more than ${this.limits.maxRedirects} addresses`);
    }
    this.actions.push(action);
    if (this.trace !== undefined) this.note(`action ${describeAction(action)}`);
  }

  /** Runs an included script, with bounds on how many and how deep (RFC 6609 §3.2). */
  include<T>(body: () => T): T {
    this.#includes += 1;
    this.#includeDepth += 1;
    if (this.#includes > this.limits.maxIncludes || this.#includeDepth > this.limits.maxIncludeDepth) {
      throw new SieveRuntimeError("too many included scripts, or they include each other");
    }
    try {
      return body();
    } finally {
      this.#includeDepth -= 1;
    }
  }

  note(line: string): void {
    this.trace?.push(line);
  }

  variable(name: string): string {
    const variables = this.globalNames.has(name) ? this.globals : this.variables;
    return variables.get(name) ?? "";
  }

  setVariable(name: string, value: string): void {
    const variables = this.globalNames.has(name) ? this.globals : this.variables;
    if (!variables.has(name) && variables.size >= this.limits.maxVariables) {
      throw new SieveRuntimeError(`the script sets more than ${this.limits.maxVariables} variables`);
    }
    const clipped = clip(value, this.limits.maxVariableBytes);
    this.#variableBytes += clipped.length;
    if (this.#variableBytes > this.limits.maxVariableBytes * this.limits.maxVariables) {
      throw new SieveRuntimeError("the script's variables take too much memory");
    }
    variables.set(name, clipped);
  }
}

/** Cuts at a character border (RFC 5229 §3.2 lets an implementation truncate). */
function clip(value: string, maxBytes: number): string {
  if (Buffer.byteLength(value) <= maxBytes) return value;
  return Buffer.from(value)
    .subarray(0, maxBytes)
    .toString("utf8")
    .replace(/\uFFFD$/, "");
}

function describeAction(action: SieveAction): string {
  switch (action.kind) {
    case "keep":
      return action.flags.length > 0 ? `keep with ${action.flags.join(" ")}` : "keep";
    case "fileinto":
      return `fileinto "${action.mailbox}"${action.flags.length > 0 ? ` with ${action.flags.join(" ")}` : ""}`;
    case "redirect":
      return `redirect to ${action.address}`;
    case "notify":
      return `notify ${action.method}`;
    case "reject":
      return action.inProtocol ? "ereject" : "reject";
    default:
      return action.kind;
  }
}
