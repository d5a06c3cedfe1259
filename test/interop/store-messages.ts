/** Messages that a child process delivers and the test can make again from their number. */
import { createHash } from "node:crypto";

export const BOXES = ["user.alice", "user.alice.Lists", "user.bob"];
export const PREFIX = Buffer.from("Return-Path: <sender@example.test>\r\n");
/** Stands in every body, so that a trace of system calls shows which write carries one. */
export const MARKER = "X-Rookery-Test-Message";

const MAX_FILLER_BYTES = 20_000;

export function bodyOf(number: number): Buffer {
  const digest = createHash("sha256").update(`message ${number}`).digest();
  const filler = Buffer.alloc(digest.readUInt16LE(0) % MAX_FILLER_BYTES, digest);
  const head = `${MARKER}: ${number}\r\nFrom: sender@example.test\r\nSubject: message ${number}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), filler]);
}
