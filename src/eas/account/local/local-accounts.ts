/** Who may use the gateway over this node's store: the directory says. */
import type { TlsState } from "../../../base/io/network.ts";
import type { AuthContext, Identity } from "../../../directory/port.ts";
import { type Account, AccountError, type Accounts } from "../port.ts";
import { asAccount } from "./failure.ts";
import { LocalAccount } from "./local-account.ts";
import type { LocalServices } from "./services.ts";

/** For the directory all TLS is alike: the proxy or the listener ended it. */
const SOME_TLS: TlsState = { protocol: "", cipher: "", serverName: "", channelBinding: () => undefined };

export class LocalAccounts implements Accounts {
  readonly #services: LocalServices;

  constructor(services: LocalServices) {
    this.#services = services;
  }

  async open(name: string, password: string, remoteAddress: string, tls: boolean): Promise<Account> {
    const { directory } = this.#services;
    const connection = connectionOf(remoteAddress, tls);
    return this.#account(await asAccount(directory.login(this.#loginName(name), password, connection)));
  }

  /** As OAUTHBEARER does it (RFC 7628 §3.1). */
  async openWithToken(token: string, remoteAddress: string, tls: boolean): Promise<Account> {
    const { directory } = this.#services;
    const message = Buffer.from(`n,,\x01auth=Bearer ${token}\x01\x01`, "utf8");
    const step = await asAccount(
      // Also a mechanism that is switched off is a refusal of this log-in.
      (async () => directory.startSasl("OAUTHBEARER", connectionOf(remoteAddress, tls)).step(message))(),
    );
    // A challenge says what is wrong with the token.
    if (step.kind !== "done") throw new AccountError("credentials_invalid", "the token is not good");
    return this.#account(step.identity);
  }

  async #account(identity: Identity): Promise<Account> {
    const { directory, provision } = this.#services;
    const user = await asAccount(directory.findUser(identity.userId));
    if (user === undefined) throw new AccountError("credentials_invalid", "the user is not there any more");
    await asAccount(provision(user.userId));
    return new LocalAccount(this.#services, {
      userId: user.userId,
      // A phone shows what its owner may see, not what an administrator may.
      isAdmin: false,
      groups: identity.groups,
      user,
      by: { userId: user.userId, sessionId: 0 },
    });
  }

  /** `DOMAIN\user`: the domain counts when it is one of ours, else it is a Windows name and means nothing here. */
  #loginName(name: string): string {
    const at = name.indexOf("\\");
    if (at < 0) return name;
    const domain = name.slice(0, at);
    const user = name.slice(at + 1);
    return user.includes("@") || !this.#services.directory.isLocalDomain(domain) ? user : `${user}@${domain}`;
  }
}

function connectionOf(remoteAddress: string, tls: boolean): AuthContext {
  return { protocol: "activesync", remoteAddress, tls: tls ? SOME_TLS : undefined };
}
