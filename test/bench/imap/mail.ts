/**
 * The benchmark's messages: a pool of different ones, of which each copy gets an own Message-ID, a reference to an
 * earlier one and an own word, so that nothing can be stored or suppressed as a duplicate.
 */
import { randomBytes } from "node:crypto";
import { SampleMail, seededChance } from "../sample-mail.ts";

const SLOT_DIGITS = 10;
const SLOT = "@".repeat(SLOT_DIGITS);
const SUBJECT_SLOT = "#".repeat(SLOT_DIGITS);
/** Of the messages that refer to another one, how far back that is at most. */
const THREAD_REACH = 20;

/** Sizes with their shares; the mean of MIXED is about 10 KiB. */
export const MIXED: readonly (readonly [bytes: number, share: number])[] = [
  [2048, 0.5],
  [6144, 0.3],
  [20_480, 0.15],
  [81_920, 0.05],
];
export const SMALL: readonly (readonly [bytes: number, share: number])[] = [[2048, 1]];

interface Template {
  readonly bytes: Buffer;
  readonly ownSlots: readonly number[];
  readonly referenceSlots: readonly number[];
}

export class MailPool {
  readonly #templates: Template[] = [];
  readonly #run = randomBytes(4).toString("hex");
  #next = 0;

  /** @param count different messages */
  constructor(count: number, sizes: readonly (readonly [number, number])[], seed = 1) {
    const sample = new SampleMail(seed);
    const chance = seededChance(seed + 1);
    for (let index = 0; index < count; index++) {
      const sizeBytes = sizeAt(sizes, chance());
      const parts = index % 3 === 0 && sizeBytes > 4096;
      this.#templates.push(template(sample.message(index, sizeBytes), index, parts, this.#run));
    }
  }

  /** Words `word(number)` are in the message with that number, numbers count from 0. */
  static word(number: number): string {
    return `needle${digits(number)}x`;
  }

  next(): Buffer {
    const number = this.#next++;
    const { bytes, ownSlots, referenceSlots } = this.#templates[number % this.#templates.length]!;
    const copy = Buffer.from(bytes);
    const own = digits(number);
    for (const slot of ownSlots) copy.write(own, slot, "latin1");
    const earlier = digits(Math.max(0, number - 1 - (number % THREAD_REACH)));
    for (const slot of referenceSlots) copy.write(earlier, slot, "latin1");
    return copy;
  }
}

function digits(number: number): string {
  return String(number).padStart(SLOT_DIGITS, "0");
}

function sizeAt(sizes: readonly (readonly [number, number])[], chance: number): number {
  let left = chance;
  for (const [bytes, share] of sizes) {
    if (left < share) return bytes;
    left -= share;
  }
  return sizes[0]![0];
}

function template(sample: Buffer, index: number, parts: boolean, run: string): Template {
  let text = sample
    .toString("latin1")
    .replace(/^Message-ID: .*$/m, `Message-ID: <${SLOT}.${run}@bench.example>`)
    // A third refers to an earlier message, as in a mailbox with conversations.
    .replace(
      /^References: .*\r\n/m,
      index % 3 === 0 ? `References: <${SUBJECT_SLOT}.${run}@bench.example>\r\n` : "",
    )
    .replace(/needle\d+x/, `needle${SLOT}x`);
  if (parts) text = multipart(text);
  return {
    bytes: Buffer.from(text, "latin1"),
    ownSlots: places(text, SLOT),
    referenceSlots: places(text, SUBJECT_SLOT),
  };
}

/** The same text as text/plain, text/html and an attachment. */
function multipart(message: string): string {
  const split = message.indexOf("\r\n\r\n");
  const header = message.slice(0, split).replace(/\r\nContent-(Type|Transfer-Encoding): [^\r]*/g, "");
  const body = message.slice(split + 4);
  const third = body.slice(0, Math.floor(body.length / 3)).replace(/\r?\n?$/, "");
  const attachment = Buffer.from(body.slice(0, Math.floor(body.length / 4)))
    .toString("base64")
    .replace(/(.{76})/g, "$1\r\n");
  return [
    header,
    'Content-Type: multipart/mixed; boundary="outer"',
    "",
    "--outer",
    'Content-Type: multipart/alternative; boundary="inner"',
    "",
    "--inner",
    "Content-Type: text/plain; charset=utf-8",
    "",
    third,
    "--inner",
    "Content-Type: text/html; charset=utf-8",
    "",
    `<html><body><p>${third.replace(/\r\n/g, "<br>\r\n")}</p></body></html>`,
    "--inner--",
    "--outer",
    'Content-Type: application/octet-stream; name="data.bin"',
    'Content-Disposition: attachment; filename="data.bin"',
    "Content-Transfer-Encoding: base64",
    "",
    attachment,
    "--outer--",
    "",
  ].join("\r\n");
}

function places(text: string, slot: string): number[] {
  const found: number[] = [];
  for (let at = text.indexOf(slot); at !== -1; at = text.indexOf(slot, at + 1)) found.push(at);
  return found;
}
