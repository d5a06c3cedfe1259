import { AdminError } from "./failure.ts";

/** Reads the arguments of an operation with their types; refuses unknown names, so that a typing error is not silence. */
export class Fields {
  readonly #values: ReadonlyMap<string, unknown>;
  readonly #unread: Set<string>;

  /** @throws AdminError argument_invalid unless `input` is a JSON object. */
  constructor(input: unknown) {
    if (typeof input !== "object" || input === null || Array.isArray(input)) {
      throw new AdminError("argument_invalid", "the arguments are not a JSON object");
    }
    this.#values = new Map(Object.entries(input).filter(([, value]) => value !== undefined));
    this.#unread = new Set(this.#values.keys());
  }

  string(name: string): string {
    return this.#required(name, this.findString(name));
  }

  findString(name: string): string | undefined {
    return this.#find(name, "a text", (value) => typeof value === "string");
  }

  findBoolean(name: string): boolean | undefined {
    return this.#find(name, "true or false", (value) => typeof value === "boolean");
  }

  /** A whole number, 0 or more. */
  findCount(name: string): number | undefined {
    return this.#find(name, "a whole number, 0 or more", isCount);
  }

  counts(name: string): readonly number[] {
    return this.#required(
      name,
      this.#find(
        name,
        "a list of whole numbers",
        (value): value is number[] => Array.isArray(value) && value.every(isCount),
      ),
    );
  }

  /** A limit: a whole number, or null to lift it. */
  findLimit(name: string): number | null | undefined {
    return this.#find(
      name,
      "a whole number, or null for no limit",
      (value): value is number | null => value === null || isCount(value),
    );
  }

  strings(name: string): readonly string[] {
    return this.#required(name, this.findStrings(name));
  }

  findStrings(name: string): readonly string[] | undefined {
    return this.#find(
      name,
      "a list of texts",
      (value): value is string[] => Array.isArray(value) && value.every((item) => typeof item === "string"),
    );
  }

  /** Call when all are read. @throws AdminError argument_invalid */
  end(): void {
    const [unknown] = this.#unread;
    if (unknown !== undefined) throw new AdminError("argument_invalid", `unknown argument "${unknown}"`);
  }

  #find<T>(name: string, wanted: string, fits: (value: unknown) => value is T): T | undefined {
    this.#unread.delete(name);
    const value = this.#values.get(name);
    if (value === undefined) return undefined;
    if (!fits(value)) throw new AdminError("argument_invalid", `argument "${name}" must be ${wanted}`);
    return value;
  }

  #required<T>(name: string, value: T | undefined): T {
    if (value === undefined) throw new AdminError("argument_invalid", `argument "${name}" is missing`);
    return value;
  }
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
