import type { Random } from "../base/io/random.ts";
import { prepare } from "../wire/sasl/prepare.ts";
import { makeScramKeys, SCRAM_KEY_BYTES, type ScramKeys } from "../wire/sasl/scram-keys.ts";
import { HashGate } from "./hash-gate.ts";
import {
  hashPassword,
  isMadeWith,
  passwordMatches,
  SALT_BYTES,
  type Argon2Parameters,
} from "./password-hash.ts";

export interface HashSettings {
  readonly argon2MemoryBytes: number;
  readonly argon2Passes: number;
  readonly argon2Lanes: number;
  readonly hashConcurrency: number;
  readonly scramIterations: number;
}

/** Makes and checks password hashes with the configured cost, a bounded number at a time. */
export class PasswordHasher {
  readonly #gate: HashGate;
  readonly #random: Random;
  readonly #parameters: Argon2Parameters;
  readonly #scramIterations: number;
  /** Checked for users that do not exist, so that they take as long. */
  readonly #dummy: string;

  constructor(settings: HashSettings, random: Random) {
    this.#gate = new HashGate(settings.hashConcurrency);
    this.#random = random;
    const lanes = settings.argon2Lanes;
    // RFC 9106 §3.1: at least 8 KiB a lane.
    const memoryKib = Math.max(8 * lanes, Math.floor(settings.argon2MemoryBytes / 1024));
    this.#parameters = { memoryKib, passes: settings.argon2Passes, lanes };
    this.#scramIterations = settings.scramIterations;
    const nothing = Buffer.alloc(SCRAM_KEY_BYTES).toString("base64").replace(/=+$/, "");
    this.#dummy = `$argon2id$v=19$m=${memoryKib},t=${settings.argon2Passes},p=${lanes}$${nothing}$${nothing}`;
  }

  /** @throws AuthError unavailable */
  hash(password: string): Promise<string> {
    return this.#gate.run(() => hashPassword(password, this.#random.bytes(SALT_BYTES), this.#parameters));
  }

  /** Without a hash it takes as long and is wrong. @throws AuthError unavailable */
  async matches(password: string, phc: string | null | undefined): Promise<boolean> {
    // Forms of a password that SASLprep forbids were never set, but may not answer faster either.
    const prepared = prepare(password, "query");
    const isRight = await this.#gate.run(() => passwordMatches(prepared ?? "", phc ?? this.#dummy));
    return isRight && typeof phc === "string" && prepared !== undefined;
  }

  isOutdated(phc: string): boolean {
    return !isMadeWith(phc, this.#parameters);
  }

  scramKeys(password: string): Promise<ScramKeys> {
    return this.#gate.run(() =>
      makeScramKeys(password, this.#random.bytes(SALT_BYTES), this.#scramIterations),
    );
  }

  get scramIterations(): number {
    return this.#scramIterations;
  }
}
