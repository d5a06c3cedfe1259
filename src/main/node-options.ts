import { choice, hostPort, listOf, networkList, path, text } from "../config/kinds.ts";
import { option, optionGroup } from "../config/option.ts";

/** What a node can be; each role starts its listeners. */
export const ROLES = ["store", "eas", "scheduler", "worker"] as const;
export type Role = (typeof ROLES)[number];

export const nodeOptions = optionGroup("node", "The process as a whole.", {
  data_folder: option(
    path,
    "data",
    "Where everything is kept: mail, users, certificates. One process at a time owns it.",
  ),
  name: option(
    text,
    undefined,
    "Name of this host in greetings and Received lines; without it the machine's own host name.",
  ),
  trusted_proxies: option(
    networkList,
    [],
    "Load balancers whose mail connections begin with a PROXY protocol header that names the client; over HTTP that or X-Forwarded-For.",
  ),
  roles: option(
    listOf(choice(...ROLES)),
    ["store", "eas"],
    "What this process does: store serves mail programs, eas serves phones (ActiveSync), scheduler and worker migrate users from other servers. Without store and eas it needs no mail of its own.",
  ),
});

export const listenOptions = optionGroup(
  "listen",
  "Where the process listens; an empty list turns a service off.",
  {
    imap: option(listOf(hostPort), ["*:143"], "IMAP in the clear with STARTTLS."),
    imaps: option(listOf(hostPort), ["*:993"], "IMAP with TLS from the first byte."),
    pop3: option(listOf(hostPort), ["*:110"], "POP3 in the clear with STLS."),
    pop3s: option(listOf(hostPort), ["*:995"], "POP3 with TLS from the first byte."),
    managesieve: option(listOf(hostPort), ["*:4190"], "ManageSieve with STARTTLS."),
    submission: option(listOf(hostPort), ["*:587"], "SMTP submission with STARTTLS."),
    submissions: option(listOf(hostPort), ["*:465"], "SMTP submission with TLS from the first byte."),
    lmtp: option(listOf(hostPort), ["127.0.0.1:24"], "LMTP, where the mail transfer agent delivers."),
    csync: option(listOf(hostPort), ["127.0.0.1:2005"], "Replication, Cyrus's sync protocol."),
    http: option(
      listOf(hostPort),
      ["127.0.0.1:8082"],
      "HTTP: /health, /metrics, and ActiveSync for a proxy in front of it.",
    ),
    https: option(listOf(hostPort), ["*:8443"], "HTTPS: ActiveSync for phones."),
    scheduler: option(
      listOf(hostPort),
      ["*:8443"],
      "HTTPS: the migration scheduler; choose another port where ActiveSync is served too.",
    ),
    worker: option(
      listOf(hostPort),
      [],
      "HTTPS: health, metrics and log levels of a migration worker in a process without scheduler.",
    ),
  },
);

/** Does a process with these roles open the listeners of the service? */
export function isServedBy(service: string, roles: readonly Role[]): boolean {
  if (service === "http") return roles.includes("store") || roles.includes("eas");
  if (service === "https") return roles.includes("eas");
  if (service === "scheduler") return roles.includes("scheduler");
  if (service === "worker") return roles.includes("worker") && !roles.includes("scheduler");
  return roles.includes("store");
}

/** Not mail itself: health and metrics, and moving users. */
const BESIDE_MAIL = new Set(["http", "scheduler", "worker"]);

/** Do mail programs, phones, an MTA or other nodes come to this process? */
export function servesMail(
  roles: readonly Role[],
  listeners: Readonly<Record<string, readonly unknown[]>>,
): boolean {
  return Object.entries(listeners).some(
    ([service, addresses]) => addresses.length > 0 && !BESIDE_MAIL.has(service) && isServedBy(service, roles),
  );
}
