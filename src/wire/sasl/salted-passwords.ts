/**
 * Salted passwords of a client that logs in to the same servers again and again: the costly part of SCRAM, which RFC 5802
 * §5.1 lets clients keep. They are worth as much as the passwords, which are in memory anyway.
 */
import { createHash } from "node:crypto";
import { saltedPassword } from "./scram-keys.ts";

/** Salts of so many accounts; the oldest goes first. */
const MAX_KNOWN = 64;

export class SaltedPasswords {
  readonly #known = new Map<string, Promise<Buffer>>();

  /** `password` is prepared already (`prepare`). */
  get(password: string, salt: Buffer, iterations: number): Promise<Buffer> {
    const key = createHash("sha256")
      .update(`${iterations} ${salt.toString("base64")} `)
      .update(password)
      .digest("base64");
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const salted = saltedPassword(password, salt, iterations);
    this.#known.set(key, salted);
    if (this.#known.size > MAX_KNOWN) this.#known.delete(this.#known.keys().next().value!);
    // What could not be made is not kept.
    salted.catch(() => this.#known.delete(key));
    return salted;
  }
}
