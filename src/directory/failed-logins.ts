/**
 * Slows down guessing. Wrong passwords are counted per remote address (IPv6: per /64, what one site has) and per user;
 * the next attempt from there, or for that user, waits before anything is looked at: doubling delays with a cap. An
 * address with far too many is refused at once; a user never is, or anybody could lock him out.
 *
 * The same wrong password again is a device with an old one, not a guess, and does not count. A pair of address and user
 * that logged in lately does not wait, until it guesses. All tables are bounded; the oldest entries go first.
 */
import { isIPv6 } from "node:net";
import type { Clock } from "../base/io/clock.ts";
import { Lru } from "../base/lru.ts";
import type { NetworkList } from "../base/networks.ts";
import { unmapped } from "../base/networks.ts";
import { AuthError } from "./port.ts";

export interface FailedLoginSettings {
  readonly failedLoginFree: number;
  readonly failedLoginDelayMs: number;
  readonly failedLoginMaxDelayMs: number;
  readonly failedLoginRefuse: number;
  readonly failedLoginMemoryMs: number;
  readonly failedLoginExempt: NetworkList;
}

export const MAX_TRACKED_ADDRESSES = 20_000;
export const MAX_TRACKED_USERS = 20_000;
const MAX_KNOWN_PAIRS = 50_000;
/** Attempts of one address that may wait at a time, and of all. */
export const MAX_WAITING_PER_ADDRESS = 20;
const MAX_WAITING = 5_000;
/** Wrong passwords remembered per address and user, so that repeating them does not count. */
const MAX_FINGERPRINTS = 4;
const KNOWN_PAIR_MS = 24 * 3_600_000;

interface Failures {
  count: number;
  lastMs: number;
  waiting: number;
  fingerprints: string[];
}

export class FailedLogins {
  readonly #clock: Clock;
  readonly #settings: FailedLoginSettings;
  readonly #addresses = new Lru<string, Failures>({ maxEntries: MAX_TRACKED_ADDRESSES });
  readonly #users = new Lru<string, Failures>({ maxEntries: MAX_TRACKED_USERS });
  /** When a user last logged in from an address. */
  readonly #knownPairs = new Lru<string, number>({ maxEntries: MAX_KNOWN_PAIRS });
  #waiting = 0;

  constructor(clock: Clock, settings: FailedLoginSettings) {
    this.#clock = clock;
    this.#settings = settings;
  }

  /** `user` may be "" (a bearer token that fails names nobody). Waits out the delay; undefined (no promise to wait for) when there is none. @throws AuthError too_many_failures */
  enter(remoteAddress: string, user: string): Promise<void> | undefined {
    if (this.#addresses.count === 0 && this.#users.count === 0) return undefined;
    const ofAddress = this.#settings.failedLoginExempt.contains(remoteAddress)
      ? undefined
      : this.#current(this.#addresses, network(remoteAddress));
    const ofUser = user === "" ? undefined : this.#current(this.#users, user);
    if (ofAddress === undefined && ofUser === undefined) return undefined;
    if (this.#isKnownPair(remoteAddress, user)) return undefined;
    if (ofAddress !== undefined && ofAddress.count >= this.#settings.failedLoginRefuse) throw tooMany();
    const delayMs = Math.max(this.#delayMs(ofAddress), this.#delayMs(ofUser));
    if (delayMs === 0) return undefined;
    if ((ofAddress?.waiting ?? 0) >= MAX_WAITING_PER_ADDRESS || this.#waiting >= MAX_WAITING) throw tooMany();
    return this.#wait(delayMs, ofAddress, ofUser);
  }

  /** `fingerprint` identifies user and password without telling them; undefined when there is none to compare (SCRAM). */
  failed(remoteAddress: string, user: string, fingerprint: string | undefined): void {
    const isNew = [
      this.#count(this.#addresses, network(remoteAddress), fingerprint),
      user !== "" && this.#count(this.#users, user, fingerprint),
    ].some(Boolean);
    if (isNew) this.#knownPairs.delete(pair(remoteAddress, user));
  }

  succeeded(remoteAddress: string, user: string): void {
    this.#users.delete(user);
    this.#knownPairs.set(pair(remoteAddress, user), this.#clock.monotonicMs());
  }

  #isKnownPair(remoteAddress: string, user: string): boolean {
    const lastMs = this.#knownPairs.get(pair(remoteAddress, user));
    return lastMs !== undefined && this.#clock.monotonicMs() - lastMs < KNOWN_PAIR_MS;
  }

  #current(table: Lru<string, Failures>, key: string): Failures | undefined {
    const failures = table.peek(key);
    if (failures === undefined) return undefined;
    if (
      failures.waiting === 0 &&
      this.#clock.monotonicMs() - failures.lastMs >= this.#settings.failedLoginMemoryMs
    ) {
      table.delete(key);
      return undefined;
    }
    return failures;
  }

  /** Attempts that wait already count as if they had failed: guessing in parallel gains nothing. */
  #delayMs(failures: Failures | undefined): number {
    if (failures === undefined) return 0;
    const over = failures.count + failures.waiting - this.#settings.failedLoginFree;
    if (over <= 0) return 0;
    const { failedLoginDelayMs, failedLoginMaxDelayMs } = this.#settings;
    return Math.min(failedLoginDelayMs * 2 ** Math.min(over - 1, 30), failedLoginMaxDelayMs);
  }

  #wait(delayMs: number, ...entries: readonly (Failures | undefined)[]): Promise<void> {
    const held = entries.filter((entry) => entry !== undefined);
    for (const entry of held) entry.waiting++;
    this.#waiting++;
    return new Promise((resolve) => {
      this.#clock.setTimer(delayMs, () => {
        for (const entry of held) entry.waiting--;
        this.#waiting--;
        resolve();
      });
    });
  }

  #count(table: Lru<string, Failures>, key: string, fingerprint: string | undefined): boolean {
    const failures = this.#current(table, key) ?? { count: 0, lastMs: 0, waiting: 0, fingerprints: [] };
    const isNew = fingerprint === undefined || !failures.fingerprints.includes(fingerprint);
    if (isNew) {
      failures.count++;
      failures.lastMs = this.#clock.monotonicMs();
      if (fingerprint !== undefined) {
        failures.fingerprints = [...failures.fingerprints.slice(1 - MAX_FINGERPRINTS), fingerprint];
      }
    }
    table.set(key, failures);
    return isNew;
  }
}

function tooMany(): AuthError {
  return new AuthError("too_many_failures", "too many failed logins; try again later");
}

function pair(remoteAddress: string, user: string): string {
  return `${network(remoteAddress)} ${user}`;
}

/** IPv4 as it is; IPv6 cut to its /64. */
export function network(address: string): string {
  const bare = unmapped(address);
  if (!isIPv6(bare)) return bare;
  const [head = "", tail] = (bare.split("%", 1)[0] ?? "").split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const missing = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  const groups = [...left, ...Array.from({ length: missing }, () => "0"), ...right];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::/64`;
}
