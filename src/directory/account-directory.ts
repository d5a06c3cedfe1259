/**
 * The directory port over any source of accounts: which mechanisms are offered where, logins, look-ups, recipients.
 */
import type { Random } from "../base/io/random.ts";
import type { AccountSource } from "./account-source.ts";
import { canonicalDomain } from "./address.ts";
import type { Authenticator } from "./authenticator.ts";
import type { BearerTokens } from "./bearer-tokens.ts";
import { SASL_MECHANISMS, type SaslMechanism } from "./options.ts";
import { AuthError, type AuthContext, type Directory, type Identity } from "./port.ts";
import type { Recipient, SaslExchange, User } from "./port.ts";
import { resolveRecipient } from "./recipient.ts";
import { bearerExchange, loginExchange, plainExchange, scramExchange } from "./sasl-exchanges.ts";
import { CHANNEL_BINDING_TYPES } from "../wire/sasl/scram-server.ts";

export interface AccountDirectoryParts {
  readonly source: AccountSource;
  readonly authenticator: Authenticator;
  readonly tokens: BearerTokens | undefined;
  readonly random: Random;
  readonly settings: {
    readonly mechanisms: readonly SaslMechanism[];
    readonly allowplaintext: boolean;
    readonly plusSeparator: string;
    readonly postuser: string;
  };
}

export class AccountDirectory implements Directory {
  readonly #parts: AccountDirectoryParts;

  constructor(parts: AccountDirectoryParts) {
    this.#parts = parts;
  }

  get defaultDomain(): string {
    return this.#parts.source.defaultDomain;
  }

  mechanisms(connection: AuthContext): readonly SaslMechanism[] {
    return SASL_MECHANISMS.filter(
      (name) => this.#isSpoken(name, connection) && (!needsTls(name) || this.#isClearAllowed(connection)),
    );
  }

  startSasl(mechanism: string, connection: AuthContext): SaslExchange {
    const upper = mechanism.toUpperCase();
    const name = SASL_MECHANISMS.find((known) => known === upper);
    if (name === undefined || !this.#isSpoken(name, connection)) {
      throw new AuthError("mechanism_unknown", `SASL mechanism "${mechanism.slice(0, 32)}" is not offered`);
    }
    if (needsTls(name) && !this.#isClearAllowed(connection)) throw tlsRequired();
    const { source, authenticator, tokens, random } = this.#parts;
    switch (name) {
      case "SCRAM-SHA-256":
      case "SCRAM-SHA-256-PLUS": {
        if (source.scram === undefined) break;
        const plusOffered = this.#isSpoken("SCRAM-SHA-256-PLUS", connection);
        return scramExchange(name, source.scram, authenticator, connection, { plusOffered, random });
      }
      case "OAUTHBEARER":
      case "XOAUTH2":
        if (tokens === undefined) break;
        return bearerExchange(name, tokens, authenticator, connection);
      case "PLAIN":
        return plainExchange(authenticator, connection);
      case "LOGIN":
        return loginExchange(authenticator, connection);
    }
    throw new AuthError("mechanism_unknown", `SASL mechanism "${name}" is not offered`);
  }

  async login(name: string, password: string, connection: AuthContext): Promise<Identity> {
    if (!this.#isClearAllowed(connection)) throw tlsRequired();
    const attempt = { mechanism: "login", connection, name, authzid: "" };
    return this.#parts.authenticator.withPassword(attempt, password);
  }

  async findUser(nameOrAddress: string): Promise<User | undefined> {
    return (await this.#parts.source.find(nameOrAddress))?.user;
  }

  resolveRecipient(address: string): Promise<Recipient> {
    return resolveRecipient(address, this.#parts.source, this.#parts.settings);
  }

  async groupsOf(userId: string): Promise<readonly string[]> {
    return (await this.#parts.source.find(userId))?.groups ?? [];
  }

  isLocalDomain(domain: string): boolean {
    const canonical = canonicalDomain(domain);
    return canonical !== undefined && this.#parts.source.isLocalDomain(canonical);
  }

  #isClearAllowed(connection: AuthContext): boolean {
    return connection.tls !== undefined || this.#parts.settings.allowplaintext;
  }

  /** Configured, and possible with this source on this connection. */
  #isSpoken(name: SaslMechanism, connection: AuthContext): boolean {
    const { settings, source, tokens } = this.#parts;
    if (!settings.mechanisms.includes(name)) return false;
    switch (name) {
      case "SCRAM-SHA-256-PLUS":
        return source.scram !== undefined && canBind(connection);
      case "SCRAM-SHA-256":
        return source.scram !== undefined;
      case "OAUTHBEARER":
      case "XOAUTH2":
        return tokens !== undefined;
      default:
        return true;
    }
  }
}

/** Those that send a password or token as it is (RFC 4616 §6, RFC 7628 §5). */
function needsTls(name: SaslMechanism): boolean {
  return !name.startsWith("SCRAM-");
}

function canBind({ tls }: AuthContext): boolean {
  return tls !== undefined && CHANNEL_BINDING_TYPES.some((type) => tls.channelBinding(type) !== undefined);
}

function tlsRequired(): AuthError {
  return new AuthError("tls_required", "passwords are taken over TLS only");
}
