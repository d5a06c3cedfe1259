/**
 * LOGIN (draft-murchison-sasl-login-00): two prompts. Obsolete, but old Outlook and many devices know nothing else.
 * Clients ignore the wording of the prompts; these are the ones everybody sends.
 */
import { messageText } from "./message-text.ts";
import { SaslError } from "./sasl-error.ts";

export const LOGIN_USERNAME_PROMPT = Buffer.from("Username:");
export const LOGIN_PASSWORD_PROMPT = Buffer.from("Password:");

/** @throws SaslError malformed */
export function parseLoginAnswer(message: Uint8Array): string {
  const text = messageText(message);
  if (text === "" || text.includes("\0"))
    throw new SaslError("malformed", "LOGIN answer is empty or has NUL");
  return text;
}
