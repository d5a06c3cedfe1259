import { inspect } from "node:util";

/** A password or key. Whatever prints it by accident (log, JSON, template, console) gets `*`. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return "*";
  }

  toJSON(): string {
    return "*";
  }

  [inspect.custom](): string {
    return "*";
  }
}
