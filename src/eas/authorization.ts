/** The Authorization header: Basic (RFC 7617 §2) and Bearer (RFC 6750 §2.1). Devices send it with every request. */
import { type Account, AccountError, type Accounts } from "./account/port.ts";

export interface Credentials {
  /** As sent: `DOMAIN\user`, `user@domain` or plain. */
  readonly name: string;
  readonly password: string;
}
export type Authorization = Credentials | { readonly token: string };

/** Longer headers are refused before anything is decoded; tokens with many claims have a few thousand characters. */
const MAX_HEADER_CHARACTERS = 12_288;

/** Undefined when there is none or it is malformed: both mean 401. */
export function parseAuthorization(header: string | undefined): Authorization | undefined {
  if (header === undefined || header.length > MAX_HEADER_CHARACTERS) return undefined;
  const token = /^Bearer +([A-Za-z0-9._~+/-]+=*) *$/i.exec(header)?.[1];
  if (token !== undefined) return { token };
  const encoded = /^Basic +([A-Za-z0-9+/=_-]+) *$/i.exec(header)?.[1];
  return encoded === undefined ? undefined : parseBasic(encoded);
}

/** UTF-8; older devices send Latin-1. */
function parseBasic(encoded: string): Credentials | undefined {
  const bytes = Buffer.from(encoded, "base64");
  const utf8 = bytes.toString("utf8");
  const text = utf8.includes("\ufffd") ? bytes.toString("latin1") : utf8;
  const colon = text.indexOf(":");
  if (colon < 1) return undefined;
  return { name: text.slice(0, colon), password: text.slice(colon + 1) };
}

export function printBasic({ name, password }: Credentials): string {
  return `Basic ${Buffer.from(`${name}:${password}`, "utf8").toString("base64")}`;
}

/** @throws AccountError */
export function openAccount(
  accounts: Accounts,
  authorization: Authorization | undefined,
  remoteAddress: string,
  tls: boolean,
): Promise<Account> {
  if (authorization === undefined) throw new AccountError("credentials_invalid", "no usable credentials");
  if (!("token" in authorization)) {
    return accounts.open(authorization.name, authorization.password, remoteAddress, tls);
  }
  if (accounts.openWithToken === undefined) {
    throw new AccountError("credentials_invalid", "tokens are not taken here");
  }
  return accounts.openWithToken(authorization.token, remoteAddress, tls);
}
