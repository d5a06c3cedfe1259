import type { HostPort } from "../config/kinds.ts";

/** The services of a node, with the offset of each from --port-base; more join at the end of the list. */
export const SERVICES = [
  { name: "imap", offset: 43, label: "IMAP with STARTTLS" },
  { name: "imaps", offset: 93, label: "IMAP over TLS" },
  { name: "pop3", offset: 10, label: "POP3 with STLS" },
  { name: "pop3s", offset: 95, label: "POP3 over TLS" },
  { name: "managesieve", offset: 90, label: "ManageSieve with STARTTLS" },
  { name: "submission", offset: 87, label: "SMTP submission with STARTTLS" },
  { name: "submissions", offset: 65, label: "SMTP submission over TLS" },
  { name: "lmtp", offset: 24, label: "LMTP for your mail transfer agent" },
  { name: "csync", offset: 5, label: "replication (csync)" },
  { name: "http", offset: 80, label: "/health, /metrics; ActiveSync for a proxy in front" },
  { name: "https", offset: 83, label: "ActiveSync: phones and Outlook" },
  { name: "scheduler", offset: 84, label: "migration scheduler" },
  { name: "worker", offset: 85, label: "health and metrics of a migration worker" },
] as const;
export type ServiceName = (typeof SERVICES)[number]["name"];

/** With the offsets: IMAP 10143, IMAPS 10193, LMTP 10124, HTTP 10180. */
export const DEFAULT_PORT_BASE = 10_100;

/** Where a service really listens. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte. */
  readonly tls: boolean;
}
export type Endpoints = Readonly<Partial<Record<ServiceName, Endpoint>>>;

/** Overrides of the listen group for `up`. A base of 0 lets the kernel choose every port. */
export function listenOverrides(host: string, portBase: number): Record<string, string> {
  const shown = host.includes(":") ? `[${host}]` : host;
  return Object.fromEntries(
    SERVICES.map(({ name, offset }) => [
      `listen.${name}`,
      `${shown}:${portBase === 0 ? 0 : portBase + offset}`,
    ]),
  );
}

/** What a client on this machine connects to: an address for every interface is no destination. */
export function reachableHost({ host }: HostPort): string {
  return host === "" || host === "::" || host === "0.0.0.0" ? "127.0.0.1" : host;
}
