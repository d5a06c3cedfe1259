import { type Argument, utf8Of } from "./codec/framer.ts";
import { Refusal } from "./reply.ts";

/** Arguments of a command, taken one after the other. Every method throws Refusal when the next is another kind. */
export class Arguments {
  readonly #args: readonly Argument[];
  #at = 0;

  constructor(args: readonly Argument[]) {
    this.#args = args;
  }

  get left(): number {
    return this.#args.length - this.#at;
  }

  bytes(what: string): Buffer {
    const argument = this.#args[this.#at];
    if (argument?.kind !== "string") throw new Refusal(`Expected ${what} as a string`);
    this.#at += 1;
    return argument.bytes;
  }

  text(what: string): string {
    const text = utf8Of(this.bytes(what));
    if (text === undefined) throw new Refusal(`${what} is not UTF-8`);
    return text;
  }

  number(what: string): number {
    const argument = this.#args[this.#at];
    if (argument?.kind !== "number") throw new Refusal(`Expected ${what} as a number`);
    this.#at += 1;
    return argument.value;
  }

  end(): void {
    if (this.left > 0) throw new Refusal("Too many arguments");
  }
}
