/**
 * PLAIN (RFC 4616).
 *
 *     message = [authzid] UTF8NUL authcid UTF8NUL passwd
 */
import { messageText } from "./message-text.ts";
import { SaslError } from "./sasl-error.ts";

export interface PlainCredentials {
  /** "" = act as authcid. */
  readonly authzid: string;
  readonly authcid: string;
  readonly password: string;
}

/** @throws SaslError malformed */
export function parsePlain(message: Uint8Array): PlainCredentials {
  const parts = messageText(message).split("\0");
  const [authzid, authcid, password] = parts;
  if (parts.length !== 3 || authzid === undefined || !authcid || !password) {
    throw new SaslError("malformed", "PLAIN needs an authentication identity and a password");
  }
  return { authzid, authcid, password };
}

export function printPlain(credentials: PlainCredentials): Buffer {
  return Buffer.from(`${credentials.authzid}\0${credentials.authcid}\0${credentials.password}`);
}
