/**
 * Autodiscover: from an address and a password a device finds its server. XML for phones and mail programs (S2.59–S2.63),
 * JSON (version 2) for newer ones. Paths in any case: the listener sees to it.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../../base/io/clock.ts";
import type { Log } from "../../base/log.ts";
import type { HttpRoutes } from "../../http/http.ts";
import { type Account, AccountError, type Accounts } from "../account/port.ts";
import { openAccount, parseAuthorization } from "../authorization.ts";
import type { EasSettings } from "../options.ts";
import { retryAfter } from "../status.ts";
import { errorAnswer, type MailProtocol, mobileSyncAnswer, outlookAnswer } from "./answer.ts";
import { baseUrl, type OwnHosts } from "./base-url.ts";
import { MAX_REQUEST_BYTES, MOBILESYNC, MOBILESYNC_REQUEST, OUTLOOK, parseAutodiscover } from "./request.ts";

export interface AutodiscoverParts {
  readonly accounts: Accounts;
  readonly settings: EasSettings;
  readonly isLocalDomain: (domain: string) => boolean;
  /** Hosts below these are this node, as far as autodiscover trusts the name that a client asked for. */
  readonly isOwnDomain: (domain: string) => boolean;
  /** Of this node: told when a client asked for a name that is none of ours. */
  readonly hostName: string;
  /** What mail programs are told; `host` is that of the address of this node where it is "". */
  readonly mailProtocols: readonly MailProtocol[];
  /** Tells the self-test that the answer comes from this node, and nothing to anybody else. */
  readonly instance: string;
  readonly clock: Clock;
  readonly log: Log;
}

const XML_PATHS = ["/autodiscover/autodiscover.xml", "/opush/autodiscover", "/opush/autodiscover/"];
const JSON_PATHS = ["/autodiscover/autodiscover.json", "/autodiscover/autodiscover.json/v1.0/:email"];
export const INSTANCE_HEADER = "x-rookery-instance";
const ACTIVESYNC_PATH = "/Microsoft-Server-ActiveSync";
const XML_TYPE = "text/xml; charset=utf-8";

export function autodiscoverRoutes(parts: AutodiscoverParts): HttpRoutes {
  return (app) => {
    void app.register((scope: FastifyInstance, _options, done) => {
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser(
        "*",
        { parseAs: "string", bodyLimit: MAX_REQUEST_BYTES },
        (_request, body, parsed) => parsed(null, body),
      );
      scope.addHook("onSend", async (_request, reply) => {
        void reply.header(INSTANCE_HEADER, parts.instance);
      });
      for (const url of XML_PATHS) {
        scope.route({
          method: ["POST", "GET"],
          url,
          handler: (request, reply) => answerXml(request, reply, parts),
        });
      }
      for (const url of JSON_PATHS) {
        scope.route({
          method: ["POST", "GET"],
          url,
          handler: (request, reply) => answerJson(request, reply, parts),
        });
      }
      done();
    });
  };
}

async function answerXml(
  request: FastifyRequest,
  reply: FastifyReply,
  parts: AutodiscoverParts,
): Promise<unknown> {
  // The search for a server ends with a plain GET, MS-OXDISCO §3.1.5.4: never ask for a password there.
  if (request.method === "GET" && request.protocol === "http") {
    return reply.redirect(`${baseUrl(request, ownHosts(parts))}/autodiscover/autodiscover.xml`);
  }
  let account: Account | undefined;
  try {
    const authorization = parseAuthorization(request.headers.authorization);
    account = await openAccount(parts.accounts, authorization, request.ip, request.protocol === "https");
    // The name that a mail program logs in with: as it was given here.
    const loginName =
      authorization !== undefined && "name" in authorization ? authorization.name : account.userId;
    const xml = xmlFor(request, account, loginName, parts);
    return await reply.type(XML_TYPE).send(xml);
  } catch (error) {
    if (!(error instanceof AccountError)) throw error;
    if (error.code === "credentials_invalid") {
      return await reply
        .code(401)
        .header("WWW-Authenticate", 'Basic realm="ActiveSync", charset="UTF-8"')
        .send();
    }
    if (error.code === "unavailable") {
      return await reply.code(503).headers(retryAfter(parts.settings.retryAfterMs)).send();
    }
    return await reply.code(403).send();
  } finally {
    account?.release();
  }
}

function xmlFor(
  request: FastifyRequest,
  account: Account,
  loginName: string,
  parts: AutodiscoverParts,
): string {
  const { settings, clock, log } = parts;
  const time = new Date(clock.nowMs()).toISOString().slice(11, 23);
  const asked = typeof request.body === "string" ? parseAutodiscover(request.body) : undefined;
  if (asked === undefined) return errorAnswer(600, "Invalid Request", time);
  const own = account.addresses.find((address) => address.toLowerCase() === asked.address.toLowerCase());
  if (own === undefined) {
    log.info("autodiscover for a foreign address", { user: account.userId, address: asked.address });
    return errorAnswer(500, "The e-mail address cannot be found", time);
  }
  log.info("autodiscover", { user: account.userId, address: own, schema: asked.schema });
  const base = baseUrl(request, ownHosts(parts), domainsOf(account));
  const user = { displayName: account.displayName, address: own, loginName };
  if (asked.schema === OUTLOOK) {
    const host = settings.mailHost ?? new URL(base).hostname;
    const protocols = parts.mailProtocols.map((protocol) => ({
      ...protocol,
      host: protocol.host === "" ? host : protocol.host,
    }));
    return outlookAnswer(user, protocols);
  }
  // Some devices name the schema of the request, or none.
  if (asked.schema === "" || asked.schema === MOBILESYNC || asked.schema === MOBILESYNC_REQUEST) {
    const { culture, certificateUrl, certificateTemplate } = settings;
    const url = base + ACTIVESYNC_PATH;
    return mobileSyncAnswer(user, { url, culture, certificateUrl, certificateTemplate });
  }
  return errorAnswer(601, "The requested schema version is not supported", time);
}

/**
 * Version 2: `?Email=…&Protocol=ActiveSync`, without a password. It tells of the domain only, so that nobody learns who
 * has an account.
 */
async function answerJson(
  request: FastifyRequest,
  reply: FastifyReply,
  parts: AutodiscoverParts,
): Promise<unknown> {
  const query = new Map(
    Object.entries(request.query as Record<string, unknown>).map(([name, value]) => [
      name.toLowerCase(),
      String(value),
    ]),
  );
  const { email: inPath } = request.params as { readonly email?: string };
  const email = inPath ?? query.get("email") ?? "";
  const protocol = query.get("protocol") ?? "";
  const refuse = (status: number, code: string, message: string): unknown =>
    reply.code(status).send({ ErrorCode: code, ErrorMessage: message });
  if (protocol === "")
    return refuse(400, "MandatoryParameterMissing", "A valid value must be provided for Protocol");
  const domain = /^[^\s@]+@([^\s@]+)$/.exec(email)?.[1];
  if (domain === undefined) return refuse(400, "InvalidEmail", "A valid smtp address must be provided");
  if (!parts.isLocalDomain(domain)) return refuse(404, "UserNotFound", "The given user is not found");
  const base = baseUrl(request, ownHosts(parts));
  switch (protocol.toLowerCase()) {
    case "activesync":
      return reply.send({ Protocol: "ActiveSync", Url: base + ACTIVESYNC_PATH });
    case "autodiscoverv1":
      return reply.send({ Protocol: "AutodiscoverV1", Url: `${base}/autodiscover/autodiscover.xml` });
    default:
      return refuse(400, "InvalidProtocol", "The given protocol value is not supported");
  }
}

function ownHosts({ settings, hostName, isOwnDomain }: AutodiscoverParts): OwnHosts {
  return { externalUrl: settings.externalUrl, mailHost: settings.mailHost, hostName, isOwnDomain };
}

function domainsOf(account: Account): string[] {
  return account.addresses.map((address) => address.slice(address.lastIndexOf("@") + 1));
}
