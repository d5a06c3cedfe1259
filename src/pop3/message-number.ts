import type { Maildrop } from "./maildrop.ts";
import { Refusal } from "./reply.ts";

/** A message of the maildrop by its number. @throws Refusal when it is none, or marked as deleted (RFC 1939 §5) */
export function messageNumber(maildrop: Maildrop, text: string): number {
  const number = wholeNumber(text);
  if (!maildrop.has(number)) throw new Refusal("There is no such message");
  return number;
}

/** @throws Refusal */
export function wholeNumber(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new Refusal("Argument is not a number");
  return Number(text);
}
