/**
 * What a kind of directory (embedded, LDAP) must be able to do. Everything else (mechanisms, delays, the cache of checked
 * passwords, acting as others, recipients) is the same for all and stands above this.
 */
import type { ScramKeys } from "../wire/sasl/scram-keys.ts";
import type { User } from "./port.ts";
import type { RecipientSource } from "./recipient.ts";

export interface Account {
  readonly user: User;
  readonly groups: readonly string[];
  /** Differs once a verdict on a password from before must not be used any more. */
  readonly credentialVersion: number;
}

/** A password that is right. */
export interface PasswordVerdict {
  /** Protocols the password is good for; empty = all. */
  readonly protocols: readonly string[];
}

/** All methods throw AuthError `unavailable` when the database or server behind cannot be asked. */
export interface AccountSource extends RecipientSource {
  /** By user id, address or alias of one user, any case. */
  find(nameOrAddress: string): Promise<Account | undefined>;
  /** Takes as long for an account that does not exist (undefined). Undefined: the password is wrong. */
  checkPassword(account: Account | undefined, password: string): Promise<PasswordVerdict | undefined>;
  /** Undefined where passwords are checked elsewhere and no keys can be had. */
  readonly scram: ScramSource | undefined;
  close(): Promise<void>;
}

export interface ScramSource {
  /** For an account without keys, or none at all, made-up ones that stay the same for the name. */
  keysOf(account: Account | undefined, name: string): { readonly keys: ScramKeys; readonly real: boolean };
}
