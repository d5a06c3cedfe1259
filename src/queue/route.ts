import type { Random } from "../base/io/random.ts";
import type { Resolver } from "../base/io/resolver.ts";
import type { QueueSettings } from "./options.ts";
import { SmtpFailure } from "./smtp-failure.ts";

export interface Hop {
  readonly host: string;
  readonly port: number;
}

const SMTP_PORT = 25;
/** RFC 5321 §5.1 wants all tried; more than this only cost time. */
const MAX_HOPS = 8;

/** What shares connections and back-off: the smart host, or a domain. undefined = everything goes one way. */
export function destinationOf(settings: QueueSettings, domain: string): string | undefined {
  return settings.route === "smart_host" ? undefined : domain;
}

/**
 * Hosts to try for a domain, best first (RFC 5321 §5.1).
 * @throws SmtpFailure permanent for domains that take no mail (RFC 7505) or do not exist, temporary when DNS fails
 */
export async function hopsFor(
  domain: string,
  settings: QueueSettings,
  ports: { readonly resolver: Resolver; readonly random: Random },
): Promise<readonly Hop[]> {
  if (settings.route === "smart_host") return [settings.smartHost];
  const literal = /^\[(?:IPv6:)?([0-9A-Fa-f:.]+)\]$/i.exec(domain)?.[1];
  if (literal !== undefined) return [{ host: literal, port: SMTP_PORT }];
  let exchangers;
  try {
    exchangers = await ports.resolver.mailExchangers(domain);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOTFOUND") {
      throw new SmtpFailure(550, `5.1.2 Domain ${domain} does not exist`, { cause: error });
    }
    throw new SmtpFailure(451, `4.4.3 Cannot look up ${domain}`, { cause: error });
  }
  // Without MX records the domain itself is the host.
  if (exchangers.length === 0) return [{ host: domain, port: SMTP_PORT }];
  if (exchangers.length === 1 && exchangers[0]?.host === "") {
    throw new SmtpFailure(556, `5.1.10 Domain ${domain} takes no mail`);
  }
  return exchangers
    .filter(({ host }) => host !== "")
    .map((exchanger) => ({ ...exchanger, order: ports.random.below(1_000_000) }))
    .sort((a, b) => a.preference - b.preference || a.order - b.order)
    .slice(0, MAX_HOPS)
    .map(({ host }) => ({ host, port: SMTP_PORT }));
}
