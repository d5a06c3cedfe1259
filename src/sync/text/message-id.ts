/** Message GUIDs of the text dialect (S5.9): 24 hex digits, which are the first of the store's 40; zeros = none. */
import type { Guid } from "../../store/model.ts";

const LENGTH = 24;
export const NO_MESSAGE_ID = "0".repeat(LENGTH);
const MESSAGE_ID = /^[0-9a-f]{24}$/;

export function messageIdOf(guid: Guid): string {
  return guid.slice(0, LENGTH);
}

export function isMessageId(text: string): boolean {
  return MESSAGE_ID.test(text);
}
