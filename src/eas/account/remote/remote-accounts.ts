/**
 * Who may use the gateway over another server: whom that server lets in. A password that it took is known for a while, so
 * that not every request of a phone is a login there; it is kept in memory only.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { Lru } from "../../../base/lru.ts";
import { Secret } from "../../../base/secret.ts";
import type { FailedLogins } from "../../../directory/failed-logins.ts";
import type { People } from "../../../directory/people/people.ts";
import { AuthError } from "../../../directory/port.ts";
import { type Account, AccountError, type Accounts } from "../port.ts";
import { RemoteAccount } from "./remote-account.ts";
import { type LedgerPorts, SendLedger } from "./send-ledger.ts";
import { type RemoteIdentity, RemoteUser, type RemoteUserPorts } from "./remote-user.ts";

export interface RemoteAccountsPorts extends Omit<RemoteUserPorts, "authorities"> {
  readonly people: People | undefined;
  /** Where sent messages are remembered. */
  readonly states: LedgerPorts["states"];
  /** Other gateways may be at work on what they began; otherwise whoever began it is dead. */
  readonly areStatesShared: boolean;
  readonly failedLogins: FailedLogins;
  /** Passwords are taken without TLS (directory.allowplaintext). */
  readonly allowPlaintext: boolean;
}

interface Known {
  readonly user: RemoteUser;
  readonly digest: Buffer;
  provenAtMs: number;
}

const MAX_USERS = 20_000;
/** Silences of the SMTP server in a row, after which a gateway that began to send is taken for dead. */
const LEASE_TIMEOUTS = 3;
/** After this long the password is proven again by a login. */
const PROVEN_MS = 10 * 60_000;

export class RemoteAccounts implements Accounts {
  readonly #ports: RemoteAccountsPorts;
  readonly #authorities: string | undefined;
  readonly #salt: Buffer;
  readonly #ledger: SendLedger;
  readonly #known = new Lru<string, Known>({
    maxEntries: MAX_USERS,
    onEvict: ({ user }) => user.close(),
  });
  /** Logins under way: several requests of a phone that starts are one login. */
  readonly #proving = new Map<string, Promise<RemoteUser>>();

  constructor(ports: RemoteAccountsPorts) {
    this.#ports = ports;
    this.#salt = ports.random.bytes(32);
    const { states, areStatesShared, clock, random, settings } = ports;
    const leaseMs = areStatesShared ? LEASE_TIMEOUTS * settings.timeoutMs : 0;
    this.#ledger = new SendLedger({ states, clock, random, leaseMs });
    this.#authorities = ports.settings.authorities?.reveal();
  }

  async open(name: string, password: string, remoteAddress: string, tls: boolean): Promise<Account> {
    const { clock, people, failedLogins, allowPlaintext } = this.#ports;
    if (!tls && !allowPlaintext)
      throw new AccountError("permission_denied", "passwords are taken over TLS only");
    const identity = this.#identify(name);
    const digest = createHash("sha256").update(this.#salt).update(password).digest();
    const known = this.#known.get(identity.loginName);
    if (known !== undefined && timingSafeEqual(known.digest, digest)) {
      if (clock.monotonicMs() - known.provenAtMs < PROVEN_MS)
        return new RemoteAccount(known.user, people, this.#ledger);
    }
    try {
      await failedLogins.enter(remoteAddress, identity.loginName);
    } catch (error) {
      if (!(error instanceof AuthError)) throw error;
      throw new AccountError("unavailable", error.message, { cause: error });
    }
    const key = `${identity.loginName}\0${digest.toString("hex")}`;
    let proving = this.#proving.get(key);
    if (proving === undefined) {
      proving = this.#prove(identity, password, digest).finally(() => this.#proving.delete(key));
      this.#proving.set(key, proving);
    }
    try {
      const user = await proving;
      failedLogins.succeeded(remoteAddress, identity.loginName);
      return new RemoteAccount(user, people, this.#ledger);
    } catch (error) {
      if (error instanceof AccountError && error.code === "credentials_invalid") {
        failedLogins.failed(remoteAddress, identity.loginName, digest.toString("hex"));
      }
      throw error;
    }
  }

  close(): void {
    this.#known.clear();
  }

  async #prove(identity: RemoteIdentity, password: string, digest: Buffer): Promise<RemoteUser> {
    const { clock } = this.#ports;
    const named = { ...identity, displayName: await this.#displayName(identity) };
    const user = new RemoteUser(
      { ...this.#ports, authorities: this.#authorities },
      named,
      new Secret(password),
    );
    try {
      await user.connections.prove();
    } catch (error) {
      user.close();
      throw error;
    }
    const known = this.#known.get(identity.loginName);
    if (known !== undefined && timingSafeEqual(known.digest, digest)) {
      // Proven again: what waits for news stays.
      known.provenAtMs = clock.monotonicMs();
      user.close();
      return known.user;
    }
    this.#known.set(identity.loginName, { user, digest, provenAtMs: clock.monotonicMs() });
    return user;
  }

  /** From the address list, best effort: a sender without a name is no reason to refuse a login. */
  async #displayName({ address, domain }: RemoteIdentity): Promise<string> {
    try {
      const found = await this.#ports.people?.search(address, domain, 1);
      const [person] = found?.people ?? [];
      return person?.address.toLowerCase() === address.toLowerCase() ? person.displayName : "";
    } catch {
      return "";
    }
  }

  /** `DOMAIN\user`, `DOMAIN\user@domain`, `user@domain`, `user`. */
  #identify(name: string): RemoteIdentity {
    const { loginWithDomain, defaultDomain } = this.#ports.settings;
    const at = name.indexOf("\\");
    const windowsDomain = name.slice(0, Math.max(0, at));
    const plain = name.slice(at + 1).trim();
    if (plain === "" || /\p{Cc}/u.test(plain)) throw new AccountError("credentials_invalid", "no user name");
    const sign = plain.lastIndexOf("@");
    const local = sign < 0 ? plain : plain.slice(0, sign);
    const domain =
      sign >= 0
        ? plain.slice(sign + 1).toLowerCase()
        : windowsDomain.includes(".")
          ? windowsDomain.toLowerCase()
          : (defaultDomain ?? "");
    const address = domain === "" ? local : `${local}@${domain}`;
    return { loginName: loginWithDomain ? address : local, address, domain, displayName: "" };
  }
}
