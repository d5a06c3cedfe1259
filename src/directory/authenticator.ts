/**
 * Checks who somebody is and as whom he may act. Every way in (login command, each SASL mechanism, HTTP Basic) ends
 * here, so that delays, the cache, disabled accounts, acting as others and the log line are the same for all.
 */
import type { Clock } from "../base/io/clock.ts";
import type { Log } from "../base/log.ts";
import type { Account, AccountSource, PasswordVerdict } from "./account-source.ts";
import { parseAddress, userIdOf } from "./address.ts";
import type { CredentialCache } from "./credential-cache.ts";
import type { FailedLogins } from "./failed-logins.ts";
import { AuthError, type AuthContext, type AuthErrorCode, type Identity } from "./port.ts";

/** Longer names and passwords are wrong without a look. */
export const MAX_LOGIN_NAME_CHARACTERS = 320;
export const MAX_PASSWORD_CHARACTERS = 1024;

export interface AuthenticatorParts {
  readonly source: AccountSource;
  readonly cache: CredentialCache;
  readonly failedLogins: FailedLogins;
  readonly adminsMayProxy: boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** Counts the outcome of every attempt: "ok" or the error's code. */
  readonly counted: (mechanism: string, outcome: "ok" | AuthErrorCode) => void;
}

/** One attempt to log in, as the mechanism sees it. */
export interface Attempt {
  readonly mechanism: string;
  readonly connection: AuthContext;
  /** Who the client says it is. */
  readonly name: string;
  /** As whom it wants to act; "" = as itself. */
  readonly authzid: string;
}

/** What a mechanism found out about the credentials. */
export interface Proof {
  readonly account: Account | undefined;
  /** undefined: wrong. */
  readonly verdict: PasswordVerdict | undefined;
  /** Same for the same wrong secret; undefined where that cannot be known. */
  readonly fingerprint: string | undefined;
  readonly cached?: boolean;
}

export class Authenticator {
  readonly #parts: AuthenticatorParts;
  /** Checks under way: a client's many connections, or a front end's, at once cost one hash. */
  readonly #checks = new Map<string, Promise<PasswordVerdict | undefined>>();

  constructor(parts: AuthenticatorParts) {
    this.#parts = parts;
  }

  get source(): AccountSource {
    return this.#parts.source;
  }

  fingerprint(name: string, secret: string): string {
    return this.#parts.cache.fingerprint(name, secret);
  }

  async withPassword(attempt: Attempt, password: string): Promise<Identity> {
    return this.run(attempt, async () => {
      const { source, cache, clock } = this.#parts;
      if (attempt.name.length > MAX_LOGIN_NAME_CHARACTERS || password.length > MAX_PASSWORD_CHARACTERS) {
        return { account: undefined, verdict: undefined, fingerprint: undefined };
      }
      const account = await source.find(attempt.name);
      if (account !== undefined) {
        const verdict = cache.find(account, password, clock.monotonicMs());
        if (verdict !== undefined) return { account, verdict, fingerprint: undefined, cached: true };
      }
      const fingerprint = cache.fingerprint(this.#userKey(attempt.name), password);
      const verdict = await this.#check(account, password, fingerprint);
      if (verdict === undefined) return { account, verdict, fingerprint };
      if (account !== undefined) cache.add(account, password, verdict, clock.monotonicMs());
      return { account, verdict, fingerprint: undefined };
    });
  }

  /** Waits out the delay, lets the mechanism check, then decides. @throws AuthError */
  async run(attempt: Attempt, check: () => Promise<Proof>): Promise<Identity> {
    try {
      const userKey = this.#userKey(attempt.name);
      const delayed = this.#parts.failedLogins.enter(attempt.connection.remoteAddress, userKey);
      if (delayed !== undefined) await delayed;
      return await this.#decide(attempt, userKey, await check());
    } catch (error) {
      throw this.failed(attempt, error);
    }
  }

  async #check(
    account: Account | undefined,
    password: string,
    fingerprint: string,
  ): Promise<PasswordVerdict | undefined> {
    const key = `${account?.credentialVersion} ${fingerprint}`;
    const running = this.#checks.get(key);
    if (running !== undefined) return running;
    const check = this.#parts.source.checkPassword(account, password);
    this.#checks.set(key, check);
    try {
      return await check;
    } finally {
      this.#checks.delete(key);
    }
  }

  /** Logs and counts an attempt that did not come to a decision; gives the error to throw. */
  failed(attempt: Attempt, error: unknown): unknown {
    if (!(error instanceof AuthError)) return error;
    const { log, counted } = this.#parts;
    counted(attempt.mechanism, error.code);
    const fields = { ...fieldsOf(attempt), outcome: error.code, reason: error.message };
    if (error.code === "unavailable") log.error("login", { ...fields, err: error });
    else log.warn("login", fields);
    return error;
  }

  async #decide(attempt: Attempt, userKey: string, proof: Proof): Promise<Identity> {
    const { account, verdict, fingerprint, cached } = proof;
    const { failedLogins, log, counted } = this.#parts;
    const { remoteAddress, protocol } = attempt.connection;
    const isFit =
      verdict !== undefined && (verdict.protocols.length === 0 || verdict.protocols.includes(protocol));
    if (account === undefined || !isFit) {
      failedLogins.failed(remoteAddress, userKey, fingerprint);
      throw new AuthError("credentials_invalid", "wrong user name or password");
    }
    failedLogins.succeeded(remoteAddress, userKey);
    // Only who knows the password learns that the account exists and is disabled.
    if (!account.user.enabled) throw new AuthError("account_disabled", "the account is disabled");
    const actor = await this.#actor(account, attempt.authzid);
    counted(attempt.mechanism, "ok");
    // Devices send their password with every request: only where it was really checked it is news.
    const level = cached === true && protocol === "activesync" ? "debug" : "info";
    if (log.enabled(level)) {
      const as = actor === account ? {} : { as: actor.user.userId };
      log[level]("login", {
        ...fieldsOf(attempt),
        outcome: "ok",
        user: account.user.userId,
        ...as,
        cached: cached === true,
      });
    }
    return {
      userId: actor.user.userId,
      authenticatedAs: account.user.userId,
      isAdmin: actor.user.isAdmin,
      groups: actor.groups,
    };
  }

  /** The account to act as (RFC 4422 §3.4.1). Proxy users act as anybody, so also as an administrator. */
  async #actor(account: Account, authzid: string): Promise<Account> {
    if (authzid === "") return account;
    const { source, adminsMayProxy } = this.#parts;
    const target = await source.find(authzid);
    if (target?.user.userId === account.user.userId) return account;
    const mayProxy = account.user.isProxy || (adminsMayProxy && account.user.isAdmin);
    if (!mayProxy || target === undefined) {
      throw new AuthError(
        "authorization_denied",
        `"${account.user.userId}" may not act as "${authzid.slice(0, MAX_LOGIN_NAME_CHARACTERS)}"`,
      );
    }
    if (!target.user.enabled) throw new AuthError("account_disabled", "the account to act as is disabled");
    return target;
  }

  /** One key for all ways to write a name, also of users that do not exist. */
  #userKey(name: string): string {
    const { defaultDomain } = this.#parts.source;
    const address = parseAddress(name.slice(0, MAX_LOGIN_NAME_CHARACTERS), defaultDomain);
    return address === undefined ? "" : userIdOf(address, defaultDomain);
  }
}

function fieldsOf(attempt: Attempt): Record<string, unknown> {
  const { protocol, remoteAddress, tls, session } = attempt.connection;
  return {
    protocol,
    mechanism: attempt.mechanism,
    remote: remoteAddress,
    tls: tls?.protocol ?? "none",
    ...(session === undefined ? {} : { session }),
    name: attempt.name.slice(0, MAX_LOGIN_NAME_CHARACTERS),
  };
}
