import { Resolver as DnsResolver } from "node:dns/promises";

export interface MailExchanger {
  /** Without a dot at the end; "" = this domain takes no mail (RFC 7505). */
  readonly host: string;
  readonly preference: number;
}

/** The only door to DNS. */
export interface Resolver {
  /** Empty when the domain has none. @throws the Node error: ENOTFOUND = no such domain, others are temporary */
  mailExchangers(domain: string): Promise<readonly MailExchanger[]>;
}

const TIMEOUT_MS = 10_000;
const TRIES = 3;

export const systemResolver: Resolver = {
  async mailExchangers(domain) {
    const dns = new DnsResolver({ timeout: TIMEOUT_MS, tries: TRIES });
    try {
      const records = await dns.resolveMx(domain);
      return records.map(({ exchange, priority }) => ({
        host: exchange.replace(/\.$/, ""),
        preference: priority,
      }));
    } catch (error) {
      // The name is there, without such records.
      if (error instanceof Error && "code" in error && error.code === "ENODATA") return [];
      throw error;
    }
  },
};
