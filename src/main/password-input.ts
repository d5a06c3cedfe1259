import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { AdminError } from "../admin/failure.ts";
import type { Random } from "../base/io/random.ts";

/** No i, l, o, 0, 1: passwords are read aloud and typed on phones. 31 letters. */
const ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789";
/** 4 groups of 4 letters: 79 bits. */
const GROUPS = 4;
const GROUP_LENGTH = 4;

export function generatePassword(random: Random): string {
  const group = (): string =>
    Array.from({ length: GROUP_LENGTH }, () => ALPHABET.charAt(random.below(ALPHABET.length))).join("");
  return Array.from({ length: GROUPS }, group).join("-");
}

/** From the terminal without echo, or the first line of standard input. */
export async function readPassword(prompt: string): Promise<string> {
  const terminal = process.stdin.isTTY;
  if (terminal) process.stderr.write(prompt);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output: silent, terminal });
  try {
    for await (const line of reader) {
      if (line !== "") return line;
      break;
    }
  } finally {
    reader.close();
    if (terminal) process.stderr.write("\n");
  }
  throw new AdminError("argument_invalid", "no password was given", {
    next: "Type one, pass it on standard input, or let one be made with --generate.",
  });
}
