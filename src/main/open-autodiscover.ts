/** Autodiscover of this node: which mail services it tells of, and how the self-test knows this node again. */
import { createHash } from "node:crypto";
import { systemClock } from "../base/io/clock.ts";
import type { Config } from "../config/load.ts";
import type { Accounts } from "../eas/account/port.ts";
import { gatewayOptions } from "../eas/account/remote/options.ts";
import type { MailProtocol } from "../eas/autodiscover/answer.ts";
import { autodiscoverRoutes } from "../eas/autodiscover/routes.ts";
import { easOptions } from "../eas/options.ts";
import type { HttpRoutes } from "../http/http.ts";
import { listenOptions, nodeOptions } from "./node-options.ts";
import type { Platform } from "./platform.ts";
import { urlAuthSecret } from "./url-auth-secret.ts";

export function openAutodiscover(config: Config, platform: Platform, accounts: Accounts): HttpRoutes {
  const { directory } = platform.directory;
  const { accounts: kind, defaultDomain } = config.get(gatewayOptions);
  const isRemote = kind === "remote";
  return autodiscoverRoutes({
    accounts,
    settings: config.get(easOptions),
    // Before a server elsewhere nobody here knows its domains; the answer tells nothing but the address of this gateway.
    isLocalDomain: (domain) => isRemote || directory.isLocalDomain(domain),
    isOwnDomain: (domain) =>
      isRemote ? domain === defaultDomain?.toLowerCase() : directory.isLocalDomain(domain),
    hostName: platform.hostName,
    mailProtocols: isRemote ? remoteProtocols(config) : localProtocols(config),
    instance: instanceId(config.get(nodeOptions).dataFolder),
    clock: systemClock,
    log: platform.logs.named("eas"),
  });
}

/** Made from a key of the data folder that it does not give away. */
export function instanceId(dataFolder: string): string {
  return createHash("sha256")
    .update("autodiscover\n")
    .update(urlAuthSecret(dataFolder))
    .digest("hex")
    .slice(0, 16);
}

/** The first that is open of each kind, TLS from the first byte preferred. */
function localProtocols(config: Config): MailProtocol[] {
  const listen = config.get(listenOptions);
  const kinds = [
    ["IMAP", listen.imaps, listen.imap],
    ["POP3", listen.pop3s, listen.pop3],
    ["SMTP", listen.submissions, listen.submission],
  ] as const;
  return kinds.flatMap(([type, withTls, clear]) => {
    const found = withTls[0] ?? clear[0];
    return found === undefined ? [] : [{ type, host: "", port: found.port, implicitTls: withTls.length > 0 }];
  });
}

/** Phones come here, mail programs go to the server itself. */
function remoteProtocols(config: Config): MailProtocol[] {
  const { imap, imapTls, smtp, smtpTls } = config.get(gatewayOptions);
  const { mailHost } = config.get(easOptions);
  return [
    { type: "IMAP", host: mailHost ?? imap.host, port: imap.port, implicitTls: imapTls === "implicit" },
    { type: "SMTP", host: mailHost ?? smtp.host, port: smtp.port, implicitTls: smtpTls === "implicit" },
  ];
}
