import { SaslError } from "./sasl-error.ts";

/** Longer messages are refused before they are looked at. Bearer tokens are the longest that are legitimate. */
export const MAX_SASL_MESSAGE_BYTES = 64 * 1024;

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @throws SaslError malformed: too long or not UTF-8 */
export function messageText(message: Uint8Array): string {
  if (message.length > MAX_SASL_MESSAGE_BYTES) {
    throw new SaslError("malformed", `the SASL message is longer than ${MAX_SASL_MESSAGE_BYTES} bytes`);
  }
  try {
    return strictUtf8.decode(message);
  } catch (error) {
    throw new SaslError("malformed", "the SASL message is not UTF-8", { cause: error });
  }
}

/** Base64 in its one canonical form (RFC 4648 §4), which `Buffer.from` does not insist on. */
export function strictBase64(text: string): Buffer {
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64") !== text) throw new SaslError("malformed", "bad base64 in the SASL message");
  return bytes;
}
