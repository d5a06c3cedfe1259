/**
 * OAUTHBEARER (RFC 7628 §3.1) and XOAUTH2 (Google's "SASL XOAUTH2 Mechanism", which Outlook and K-9 speak too).
 *
 *     OAUTHBEARER = gs2-header %x01 *(key "=" value %x01) %x01        ; keys host, port, auth
 *     XOAUTH2     = "user=" userName %x01 "auth=Bearer " token %x01 %x01
 *
 * A refusal is a challenge with JSON; the client answers it with %x01 (XOAUTH2: an empty line), then the exchange fails.
 */
import { parseGs2Header, printGs2Header } from "./gs2-header.ts";
import { messageText } from "./message-text.ts";
import { SaslError } from "./sasl-error.ts";

export interface BearerCredentials {
  /** OAUTHBEARER: authorisation identity; XOAUTH2: the account; "" = whoever the token says. */
  readonly authzid: string;
  readonly token: string;
  readonly host?: string;
  readonly port?: number;
}

export interface BearerRefusal {
  /** RFC 6750 §3.1: `invalid_token`, `insufficient_scope`, `invalid_request`. */
  readonly status: string;
  readonly scope?: string;
  readonly openidConfiguration?: string;
}

/** What a client answers to the refusal (RFC 7628 §3.2.3). */
export const OAUTHBEARER_ACKNOWLEDGEMENT = Buffer.from([1]);

const SEPARATOR = "\x01";
/** RFC 6750 §2.1 b64token; the scheme is in any case (RFC 9110 §11.1). */
const AUTHORIZATION = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i;

/** @throws SaslError malformed */
export function parseOauthBearer(message: Uint8Array): BearerCredentials {
  const text = messageText(message);
  const { header, length } = parseGs2Header(text);
  if (typeof header.binding !== "string") {
    throw new SaslError("malformed", "OAUTHBEARER has no channel binding (RFC 7628 §3)");
  }
  const values = keyValues(text.slice(length), SEPARATOR);
  const host = values.get("host");
  const port = values.get("port");
  if (port !== undefined && !/^\d{1,5}$/.test(port)) throw new SaslError("malformed", "bad OAUTHBEARER port");
  return {
    authzid: header.authzid,
    token: bearerToken(values.get("auth")),
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port: Number(port) }),
  };
}

export function printOauthBearer(credentials: BearerCredentials): Buffer {
  const header = printGs2Header({ binding: "n", authzid: credentials.authzid });
  const host = credentials.host === undefined ? "" : `host=${credentials.host}${SEPARATOR}`;
  const port = credentials.port === undefined ? "" : `port=${credentials.port}${SEPARATOR}`;
  const auth = `auth=Bearer ${credentials.token}${SEPARATOR}`;
  return Buffer.from(header + SEPARATOR + host + port + auth + SEPARATOR);
}

/** @throws SaslError malformed */
export function parseXoauth2(message: Uint8Array): BearerCredentials {
  const values = keyValues(messageText(message), "");
  return { authzid: values.get("user") ?? "", token: bearerToken(values.get("auth")) };
}

export function printXoauth2(credentials: BearerCredentials): Buffer {
  return Buffer.from(
    `user=${credentials.authzid}${SEPARATOR}auth=Bearer ${credentials.token}${SEPARATOR}${SEPARATOR}`,
  );
}

/** RFC 7628 §3.2.2. */
export function printBearerRefusal(refusal: BearerRefusal): Buffer {
  return Buffer.from(
    JSON.stringify({
      status: refusal.status,
      ...(refusal.scope === undefined ? {} : { scope: refusal.scope }),
      ...(refusal.openidConfiguration === undefined
        ? {}
        : { "openid-configuration": refusal.openidConfiguration }),
    }),
  );
}

/** @throws SaslError malformed */
export function parseBearerRefusal(message: Uint8Array): BearerRefusal {
  const text = messageText(message);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new SaslError("malformed", "the refusal of the token is not JSON", { cause: error });
  }
  if (
    typeof value !== "object" ||
    value === null ||
    !("status" in value) ||
    typeof value.status !== "string"
  ) {
    throw new SaslError("malformed", "the refusal of the token has no status");
  }
  return {
    status: value.status,
    ...("scope" in value && typeof value.scope === "string" ? { scope: value.scope } : {}),
    ...("openid-configuration" in value && typeof value["openid-configuration"] === "string"
      ? { openidConfiguration: value["openid-configuration"] }
      : {}),
  };
}

function keyValues(text: string, before: string): Map<string, string> {
  if (!text.startsWith(before) || !text.endsWith(SEPARATOR + SEPARATOR)) {
    throw new SaslError("malformed", "bad frame of the bearer message");
  }
  const values = new Map<string, string>();
  for (const pair of text.slice(before.length, -2).split(SEPARATOR)) {
    const match = /^([A-Za-z]+)=([\x20-\x7e\x80-\u{10ffff}\t\r\n]*)$/u.exec(pair);
    const [, key = "", value = ""] = match ?? [];
    if (match === null || values.has(key)) throw new SaslError("malformed", "bad pair in the bearer message");
    values.set(key, value);
  }
  return values;
}

function bearerToken(authorization: string | undefined): string {
  const token = AUTHORIZATION.exec(authorization ?? "")?.[1];
  if (token === undefined) throw new SaslError("malformed", "the bearer message has no token");
  return token;
}
