/**
 * Connects to an IMAP server and logs in: TLS or STARTTLS, then the best way of logging in that the server has and the
 * account allows: SASL (RFC 9051 §6.2.2) with or without acting as somebody else, LOGIN, bearer tokens; COMPRESS.
 */
import type { Clock } from "../base/io/clock.ts";
import type { Network } from "../base/io/network.ts";
import type { Random } from "../base/io/random.ts";
import type { Secret } from "../base/secret.ts";
import { createSaslClient } from "../wire/sasl/client.ts";
import { SaslError } from "../wire/sasl/sasl-error.ts";
import { ImapClient } from "./client.ts";
import { type CommandPart, type CommandResult, ImapClientError } from "./client-command.ts";
import { saidText } from "./codec/response.ts";

export interface ImapAccount {
  readonly host: string;
  readonly port: number;
  /** `auto` takes STARTTLS where it is offered, without checking the certificate unless `verify`. */
  readonly tls: "implicit" | "starttls" | "auto" | "off";
  readonly verify: boolean;
  /** PEM of the authorities to trust instead of the system's. */
  readonly authorities?: string | undefined;
  readonly serverName?: string | undefined;
  /** Whose mail it is. */
  readonly user: string;
  readonly login: ImapLogin;
  readonly compress: boolean;
  /** How long the server may say nothing while a command waits. */
  readonly silenceMs: number;
}

export type ImapLogin =
  | { readonly kind: "password"; readonly password: Secret }
  /**
   * A master user acts for the mail's owner. `authzid`: SASL PLAIN with both names (proxy authorisation, RFC 4616);
   * `separator`: logs in as `owner*master` (Dovecot), where `*` is the separator.
   */
  | {
      readonly kind: "master";
      readonly master: string;
      readonly password: Secret;
      readonly form: "authzid" | { readonly separator: string };
    }
  /** Asked for at each login: a token may have run out since; and once more with the one that was `refused`. */
  | { readonly kind: "token"; readonly token: (refused?: Secret) => Promise<Secret> };

export interface ImapPorts {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
}

export interface ImapLink {
  readonly client: ImapClient;
  /** Upper case. */
  readonly capabilities: ReadonlySet<string>;
}

/** The server said no to the login. `temporary`: to try again later can help (RFC 5530 §3). */
export class ImapLoginError extends Error {
  override name = "ImapLoginError";
  readonly temporary: boolean;
  constructor(message: string, temporary: boolean, options?: ErrorOptions) {
    super(message, options);
    this.temporary = temporary;
  }
}

const CONNECT_TIMEOUT_MS = 30_000;
/** RFC 7888 §5. */
const LITERAL_MINUS_BYTES = 4096;
const TEMPORARY_CODES = /^(?:UNAVAILABLE|INUSE|LIMIT|THROTTLED|SERVERBUG|CONTACTADMIN)\b/i;

/** @throws ImapLoginError, ImapClientError, the Node error of the connection */
export async function connectImap(account: ImapAccount, ports: ImapPorts): Promise<ImapLink> {
  const { host, port, tls, verify, authorities, serverName } = account;
  const connection = await ports.network.connect({
    host,
    port,
    timeoutMs: CONNECT_TIMEOUT_MS,
    implicitTls: tls === "implicit",
    ...(tls === "off" ? {} : { tls: { verify, authorities, serverName } }),
  });
  const client = new ImapClient(connection);
  client.watchSilence(ports.clock, account.silenceMs);
  try {
    return await logIn(client, account, ports);
  } catch (error) {
    client.destroy();
    throw error;
  }
}

async function logIn(client: ImapClient, account: ImapAccount, ports: ImapPorts): Promise<ImapLink> {
  const greeting = await client.greeting;
  if (greeting.status === "BYE") throw new ImapLoginError(`the server said BYE ${saidText(greeting)}`, true);
  let capabilities = capabilitiesIn(greeting.code) ?? (await askCapabilities(client));
  if (client.connection.tls === undefined && account.tls !== "off") {
    capabilities = await secure(client, account, capabilities);
  }
  if (greeting.status !== "PREAUTH") {
    configureLiterals(client, capabilities);
    const done = await authenticate(client, account, ports, capabilities);
    if (done.status !== "OK") {
      const temporary = TEMPORARY_CODES.test(done.code ?? "");
      throw new ImapLoginError(`${account.user}: ${done.code ?? ""} ${done.text}`.trim(), temporary);
    }
    capabilities = capabilitiesIn(done.code) ?? capabilitiesOf(done) ?? (await askCapabilities(client));
  }
  configureLiterals(client, capabilities);
  if (account.compress && capabilities.has("COMPRESS=DEFLATE")) {
    const { status } = await client.command("COMPRESS DEFLATE");
    if (status === "OK") client.startCompression();
  }
  return { client, capabilities };
}

function configureLiterals(client: ImapClient, capabilities: ReadonlySet<string>): void {
  // IMAP4rev2 has LITERAL- (RFC 9051 §4.3).
  const minus = capabilities.has("LITERAL-") || capabilities.has("IMAP4REV2");
  client.configure({
    literalPlus: capabilities.has("LITERAL+"),
    literalMinusBytes: minus ? LITERAL_MINUS_BYTES : 0,
  });
}

async function secure(
  client: ImapClient,
  { tls, host, port }: ImapAccount,
  offered: ReadonlySet<string>,
): Promise<ReadonlySet<string>> {
  if (!offered.has("STARTTLS")) {
    if (tls === "auto") return offered;
    throw new ImapLoginError(`${host}:${port} offers no TLS`, false);
  }
  const { status, text } = await client.command("STARTTLS");
  if (status !== "OK") {
    if (tls === "auto") return offered;
    throw new ImapLoginError(`${host}:${port} refused STARTTLS: ${text}`, false);
  }
  await client.startTls();
  // What was said in the clear may have come from anybody (RFC 9051 §6.2.1).
  return await askCapabilities(client);
}

async function authenticate(
  client: ImapClient,
  account: ImapAccount,
  { random }: ImapPorts,
  offered: ReadonlySet<string>,
): Promise<CommandResult> {
  const { login, user, host, port } = account;
  if (login.kind === "token") {
    const mechanism = ["OAUTHBEARER", "XOAUTH2"].find((name) => offered.has(`AUTH=${name}`)) ?? "XOAUTH2";
    return await withToken(login.token, (token) =>
      sasl(client, offered, mechanism, { username: user, authzid: user, token, host, port }),
    );
  }
  const password = login.password.reveal();
  if (login.kind === "master" && login.form === "authzid") {
    return await sasl(client, offered, "PLAIN", { username: login.master, authzid: user, password });
  }
  const username =
    login.kind === "master" && typeof login.form === "object"
      ? `${user}${login.form.separator}${login.master}`
      : user;
  const mayShow = client.connection.tls !== undefined || account.tls === "off" || isLoopback(host);
  if (!mayShow || (offered.has("LOGINDISABLED") && !offered.has("AUTH=PLAIN"))) {
    if (!offered.has("AUTH=SCRAM-SHA-256")) {
      throw new ImapLoginError(`${host}:${port} has no way to log in without showing the password`, false);
    }
    const nonce = random.bytes(18).toString("base64");
    return await sasl(client, offered, "SCRAM-SHA-256", { username, password, nonce });
  }
  if (offered.has("AUTH=PLAIN")) return await sasl(client, offered, "PLAIN", { username, password });
  return await client.command(["LOGIN ", ...astring(username), " ", ...astring(password)]);
}

/** A token may end sooner than it was said to: then another one is tried, if there is one. */
async function withToken(
  tokenOf: (refused?: Secret) => Promise<Secret>,
  authenticate: (token: string) => Promise<CommandResult>,
): Promise<CommandResult> {
  const token = await tokenOf();
  const result = await authenticate(token.reveal());
  if (result.status !== "NO" || TEMPORARY_CODES.test(result.code ?? "")) return result;
  const other = await tokenOf(token);
  return other.reveal() === token.reveal() ? result : await authenticate(other.reveal());
}

async function sasl(
  client: ImapClient,
  offered: ReadonlySet<string>,
  mechanism: string,
  credentials: Parameters<typeof createSaslClient>[1],
): Promise<CommandResult> {
  const exchange = createSaslClient(mechanism, credentials);
  // SASL-IR (RFC 4959); IMAP4rev2 has it.
  const atOnce = offered.has("SASL-IR") || offered.has("IMAP4REV2");
  let first = exchange.initialResponse;
  let command = `AUTHENTICATE ${mechanism}`;
  if (atOnce && first !== undefined) {
    command += ` ${first.length === 0 ? "=" : first.toString("base64")}`;
    first = undefined;
  }
  let failure: unknown;
  const result = await client.command(command, (text) => {
    const given = first;
    first = undefined;
    const answer =
      given === undefined ? exchange.respond(Buffer.from(text.trim(), "base64")) : Promise.resolve(given);
    answer.then(
      (bytes) => client.line(bytes.toString("base64")),
      (error: unknown) => {
        failure = error;
        // RFC 9051 §6.2.2: cancels the exchange.
        client.line("*");
      },
    );
  });
  if (failure instanceof SaslError) {
    throw new ImapLoginError(`${mechanism}: ${failure.message}`, false, { cause: failure });
  }
  if (result.status === "OK") exchange.finish(undefined);
  return result;
}

async function askCapabilities(client: ImapClient): Promise<ReadonlySet<string>> {
  return capabilitiesOf(await client.command("CAPABILITY")) ?? new Set();
}

function capabilitiesIn(code: string | undefined): ReadonlySet<string> | undefined {
  return code !== undefined && /^CAPABILITY /i.test(code)
    ? new Set(code.toUpperCase().split(" ").slice(1))
    : undefined;
}

function capabilitiesOf({ untagged }: CommandResult): ReadonlySet<string> | undefined {
  const line = untagged.findLast(({ name }) => name === "CAPABILITY");
  return line === undefined ? undefined : new Set(line.arguments().rest().trim().toUpperCase().split(" "));
}

/** quoted where it can be, else a literal (RFC 9051 §4.3). */
export function astring(text: string): readonly CommandPart[] {
  return /^[\x20-\x7e]*$/.test(text)
    ? [`"${text.replaceAll(/["\\]/g, "\\$&")}"`]
    : [Buffer.from(text, "utf8")];
}

/** @throws ImapClientError with the command's name unless the answer is OK */
export function ok(result: CommandResult, what: string): CommandResult {
  if (result.status === "OK") return result;
  const code = result.code === undefined ? "" : `[${result.code}] `;
  throw new ImapClientError(`${what}: ${result.status} ${code}${result.text}`);
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
