/**
 * Remembers which passwords were right, so that a client's tenth connection does not cost a hash. Holds no password: an
 * HMAC under a key that lives as long as the process. Wrong passwords are never kept. An entry dies with its time, with
 * the account's `credentialVersion`, or when too many others came after it.
 */
import { createHmac, createSecretKey, type KeyObject } from "node:crypto";
import { Lru } from "../base/lru.ts";
import type { Account, PasswordVerdict } from "./account-source.ts";

/** The main password and some devices' own ones. */
const MAX_PASSWORDS_PER_USER = 8;

interface Known {
  readonly mac: string;
  readonly credentialVersion: number;
  readonly expiresMs: number;
  readonly verdict: PasswordVerdict;
}

export class CredentialCache {
  // Prepared once: a bare buffer is made a key object at every use, which costs eight times the hash.
  readonly #key: KeyObject;
  readonly #timeMs: number;
  readonly #byUser: Lru<string, readonly Known[]>;

  constructor(options: { readonly key: Buffer; readonly timeMs: number; readonly maxUsers: number }) {
    this.#key = createSecretKey(options.key);
    this.#timeMs = options.timeMs;
    this.#byUser = new Lru({ maxEntries: options.maxUsers });
  }

  /** Identifies a password for a name without telling it. */
  fingerprint(name: string, password: string): string {
    return createHmac("sha256", this.#key).update(`${name}\0${password}`).digest("base64");
  }

  find(account: Account, password: string, nowMs: number): PasswordVerdict | undefined {
    const known = this.#byUser.get(account.user.userId);
    if (known === undefined) return undefined;
    const mac = this.fingerprint(account.user.userId, password);
    // Comparing MACs under a secret key tells nothing through time.
    const hit = known.find((entry) => entry.mac === mac && isFresh(entry, account, nowMs));
    return hit?.verdict;
  }

  add(account: Account, password: string, verdict: PasswordVerdict, nowMs: number): void {
    if (this.#timeMs <= 0) return;
    const { userId } = account.user;
    const mac = this.fingerprint(userId, password);
    const others = (this.#byUser.peek(userId) ?? []).filter(
      (entry) => entry.mac !== mac && isFresh(entry, account, nowMs),
    );
    const { credentialVersion } = account;
    const added: Known = { mac, credentialVersion, expiresMs: nowMs + this.#timeMs, verdict };
    this.#byUser.set(userId, [...others.slice(1 - MAX_PASSWORDS_PER_USER), added]);
  }
}

function isFresh(entry: Known, account: Account, nowMs: number): boolean {
  return entry.credentialVersion === account.credentialVersion && nowMs < entry.expiresMs;
}
