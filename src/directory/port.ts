/**
 * Users, groups, domains and credentials as the other rooms see them. Implemented by the embedded database and by
 * LDAP; both pass test/contracts/directory. Names of users are canonical (`UserId` of the store).
 *
 * LDAP has no SCRAM and no app passwords, hears of changes only when what is known of a user gets old, and cannot hide
 * by time which users exist. Look-ups throw AuthError `unavailable` when the directory cannot be asked.
 */
import type { TlsState } from "../base/io/network.ts";

export interface Directory {
  /** SASL mechanisms to offer on this connection, best first. */
  mechanisms(connection: AuthContext): readonly string[];
  /** @throws AuthError mechanism_unknown, tls_required */
  startSasl(mechanism: string, connection: AuthContext): SaslExchange;
  /** LOGIN, USER/PASS, HTTP Basic. Waits out the failed-login delay before it answers. @throws AuthError */
  login(name: string, password: string, connection: AuthContext): Promise<Identity>;
  /** By login name, primary address or alias, any case. */
  findUser(nameOrAddress: string): Promise<User | undefined>;
  /** Where mail for an envelope recipient goes: users (aliases and groups expanded), with the plus-address detail. */
  resolveRecipient(address: string): Promise<Recipient>;
  groupsOf(userId: string): Promise<readonly string[]>;
  isLocalDomain(domain: string): boolean;
  /** Users of this domain have user ids without a domain part. */
  readonly defaultDomain: string;
}

export interface AuthContext {
  readonly protocol: string;
  readonly remoteAddress: string;
  readonly tls: TlsState | undefined;
  /** Number of the session in its room's log lines. */
  readonly session?: number | string;
}

/** Server side of one SASL exchange (RFC 4422). */
export interface SaslExchange {
  /** Feed the client's message; throws AuthError on failure. */
  step(message: Buffer): Promise<SaslStep>;
  /**
   * True when the mechanism wants an initial server challenge before the client speaks: without an initial response
   * call `step` with an empty message to get it. Where false, the protocol sends an empty challenge itself.
   */
  readonly serverFirst: boolean;
}
export type SaslStep =
  | { readonly kind: "challenge"; readonly data: Buffer }
  /** `data` = additional data with success (SCRAM's server-final); protocols without it send it as a last challenge. */
  | { readonly kind: "done"; readonly identity: Identity; readonly data: Buffer | undefined };

export interface Identity {
  /** Acts as this user (authorisation identity). */
  readonly userId: string;
  /** Whose credentials were checked. */
  readonly authenticatedAs: string;
  readonly isAdmin: boolean;
  readonly groups: readonly string[];
}

export interface User {
  readonly userId: string;
  readonly displayName: string;
  /** Primary first, then the aliases of this user (LDAP: also those that he shares with others). */
  readonly addresses: readonly string[];
  readonly isAdmin: boolean;
  /** May authenticate as others (authzid): murder front ends. */
  readonly isProxy: boolean;
  /** False: no login. Mail is still taken. */
  readonly enabled: boolean;
  /** Own or the configured default; undefined = unlimited. */
  readonly quotaBytes: number | undefined;
}

export type Recipient =
  | {
      readonly kind: "users";
      readonly targets: readonly { readonly userId: string; readonly detail: string | undefined }[];
    }
  /** A shared folder by address (`anyone` needs the p right): `shared+folder@…`. */
  | { readonly kind: "mailbox"; readonly mailbox: string }
  | { readonly kind: "unknown" }
  /** Not one of our domains. */
  | { readonly kind: "remote" };

export type AuthErrorCode =
  | "credentials_invalid"
  | "authorization_denied"
  | "account_disabled"
  | "mechanism_unknown"
  | "tls_required"
  | "protocol_error"
  /** LDAP or database down: not the user's fault (RFC 5530 UNAVAILABLE). */
  | "unavailable"
  | "too_many_failures";

export class AuthError extends Error {
  override name = "AuthError";
  readonly code: AuthErrorCode;
  constructor(code: AuthErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
