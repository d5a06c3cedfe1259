/**
 * How the engine logs in at the source: from the user's imapcOptions, the source's imapc settings (S4.62) and the engine's
 * own options, in this order. Names are those of Dovecot's imapc, which operators know.
 */
import { Secret } from "../../base/secret.ts";
import type { ImapAccount, ImapLogin } from "../../imap/client-connect.ts";
import type { MigrationJob } from "../model.ts";
import type { MigrateImapSettings } from "./options.ts";

/** The configuration of a user cannot be used; more tries do not help. */
export class AccountError extends Error {
  override name = "AccountError";
}

/** Exchanges what stands for the user (a refresh token) for a token that is good now, and is not the `refused` one. */
export type TokenSource = (
  user: string,
  refreshToken: Secret,
  settings: ReadonlyMap<string, string>,
  refused?: Secret,
) => Promise<Secret>;

const IMAPS_PORT = 993;
const IMAP_PORT = 143;

/** Whoever names the token server gets the operator's client secret: never said by a user's options, which customers set. */
const OPERATORS_OWN: ReadonlySet<string> = new Set([
  "oauth_token_url",
  "oauth_client_id",
  "oauth_client_secret",
]);

/** How safely a password travels. */
const TLS_SETTINGS: ReadonlySet<string> = new Set(["imapc_ssl", "imapc_ssl_verify", "imapc_port"]);

/** Later ones win: the source's settings, then the user's `name=value` options. */
export function imapcSettings(
  job: MigrationJob,
  sourceConf: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const own = job.user.imapcOptions.map((line): [string, string] => {
    const at = line.indexOf("=");
    return at < 0 ? [line, "yes"] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  });
  // The operator's master password goes only where and how the operator says.
  const isMasters = hasMaster(sourceConf);
  const allowed = own.filter(([name]) => !OPERATORS_OWN.has(name) && !(isMasters && TLS_SETTINGS.has(name)));
  return new Map([...sourceConf, ...allowed]);
}

function hasMaster(conf: ReadonlyMap<string, string>): boolean {
  return conf.has("imapc_master_user") && conf.has("imapc_master_password");
}

/** @throws AccountError */
export function sourceAccount(
  job: MigrationJob,
  conf: ReadonlyMap<string, string>,
  settings: MigrateImapSettings,
  tokens: TokenSource | undefined,
): ImapAccount {
  const { user } = job;
  const tls = tlsOf(job, conf, settings);
  const host = user.sourceHost ?? conf.get("imapc_host");
  const port =
    user.sourcePort ?? Number(conf.get("imapc_port") ?? (tls === "implicit" ? IMAPS_PORT : IMAP_PORT));
  const login = loginOf(job, conf, settings, tokens);
  const name = conf.get("imapc_user") ?? user.sourceUid;
  return {
    host,
    port,
    tls: tls === "auto" && port === IMAPS_PORT ? "implicit" : tls,
    verify: yes(conf.get("imapc_ssl_verify")) ?? settings.verifyCertificate,
    user: name,
    login,
    compress: settings.compress,
    silenceMs: settings.silenceMs,
  };
}

function tlsOf(
  { user }: MigrationJob,
  conf: ReadonlyMap<string, string>,
  settings: MigrateImapSettings,
): ImapAccount["tls"] {
  if (user.useImapcSsl === true) return "implicit";
  if (user.useImapcSsl === false && !hasMaster(conf)) return "off";
  switch (conf.get("imapc_ssl")) {
    case "imaps":
      return "implicit";
    case "starttls":
      return "starttls";
    case "no":
      return "off";
    default:
      return settings.tls;
  }
}

function loginOf(
  { user }: MigrationJob,
  conf: ReadonlyMap<string, string>,
  settings: MigrateImapSettings,
  tokens: TokenSource | undefined,
): ImapLogin {
  const master = conf.get("imapc_master_user");
  const masterPassword = conf.get("imapc_master_password");
  const own = user.password ?? conf.get("imapc_password");
  const mechanisms = (conf.get("imapc_sasl_mechanisms") ?? "").toLowerCase();
  if (/\b(?:xoauth2|oauthbearer)\b/.test(mechanisms)) {
    if (own === undefined) throw new AccountError(`${user.sourceUid} has no token`);
    const token = new Secret(own);
    return {
      kind: "token",
      token: (refused) =>
        tokens === undefined
          ? Promise.resolve(token)
          : tokens(user.email ?? user.sourceUid, token, conf, refused),
    };
  }
  if (master !== undefined && masterPassword !== undefined) {
    const form = settings.masterForm === "authzid" ? "authzid" : { separator: settings.masterForm };
    return { kind: "master", master, password: new Secret(masterPassword), form };
  }
  if (own === undefined) {
    throw new AccountError(`${user.sourceUid} has no password, and the source has no imapc_master_user`);
  }
  return { kind: "password", password: new Secret(own) };
}

function yes(text: string | undefined): boolean | undefined {
  return text === undefined ? undefined : /^(?:yes|y|true|1)$/i.test(text);
}
