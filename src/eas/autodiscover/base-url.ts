/**
 * Under which address this node is told to clients. Without one in the configuration it is the host that the client asked
 * for, but only where that is one of ours: whoever writes another name into Host, and has the answer kept by a proxy,
 * would send devices with their passwords to a server of his.
 */
import { isIP } from "node:net";
import type { FastifyRequest } from "fastify";

export interface OwnHosts {
  /** As configured; it is told whatever the client asked for. */
  readonly externalUrl: string | undefined;
  /** Names that are told to mail programs. */
  readonly mailHost: string | undefined;
  /** The listener's own name: told when the client asked for a foreign one. */
  readonly hostName: string;
  readonly isOwnDomain: (domain: string) => boolean;
}

/** Without a slash at the end. @param domains of the user who asked: his hosts are ours too */
export function baseUrl(request: FastifyRequest, own: OwnHosts, domains: readonly string[] = []): string {
  if (own.externalUrl !== undefined) return own.externalUrl.replace(/\/+$/, "");
  const { hostname, socket, protocol } = request;
  const asked = hostname.toLowerCase().replace(/^\[|\]$/g, "");
  if (isOwnAddress(asked, socket.localAddress ?? "") || isOwnName(asked, own, domains)) {
    return `https://${hostname}${isTold(request) ? portOf(request.port ?? undefined) : ""}`;
  }
  return `https://${own.hostName}${protocol === "https" ? portOf(socket.localPort) : ""}`;
}

/** The port that stands in Host: the listener's own, or what a trusted proxy says; any other may be made up. */
function isTold({ port, ips, socket }: FastifyRequest): boolean {
  return port === socket.localPort || (ips?.length ?? 0) > 1;
}

/** The very address that the connection came to; behind a proxy it is ours as well. */
function isOwnAddress(asked: string, local: string): boolean {
  if (asked === "localhost") return true;
  return isIP(asked) !== 0 && asked === local.replace(/^::ffff:/, "");
}

/** One of our names, or a host below one of our domains. */
function isOwnName(asked: string, own: OwnHosts, domains: readonly string[]): boolean {
  if (!/^[a-z0-9.-]{1,253}$/.test(asked)) return false;
  if (asked === own.hostName.toLowerCase() || asked === own.mailHost?.toLowerCase()) return true;
  const labels = asked.split(".");
  return labels.some((_, at) => {
    const domain = labels.slice(at).join(".");
    return (
      domain.includes(".") && (own.isOwnDomain(domain) || domains.some((one) => one.toLowerCase() === domain))
    );
  });
}

function portOf(port: number | undefined): string {
  return port === undefined || Number.isNaN(port) || port === 443 ? "" : `:${port}`;
}
