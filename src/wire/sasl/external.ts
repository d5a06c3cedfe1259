/**
 * EXTERNAL (RFC 4422 appendix A): who the client is was settled below (a TLS certificate); the message is only the
 * authorisation identity, empty for "as who I am".
 */
import { messageText } from "./message-text.ts";
import { SaslError } from "./sasl-error.ts";

/** @throws SaslError malformed */
export function parseExternal(message: Uint8Array): { readonly authzid: string } {
  const authzid = messageText(message);
  if (authzid.includes("\0")) throw new SaslError("malformed", "EXTERNAL identity has NUL");
  return { authzid };
}
