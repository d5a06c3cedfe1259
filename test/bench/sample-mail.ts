/** Mail for benchmarks: plausible headers with their random identifiers, text of Zipf-distributed words. Same seed, same mail. */

/** Mulberry32. */
export function seededChance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const SYLLABLES =
  "ba be bi bo bu da de di do du ka ke ki ko ku la le li lo lu ma me mi mo mu na ne no ra re ri ro sa se so ta te ti to va ve".split(
    " ",
  );

export class SampleMail {
  readonly #chance: () => number;
  readonly #vocabulary: string[] = [];

  constructor(seed = 1, vocabularyWords = 50_000) {
    this.#chance = seededChance(seed);
    for (let index = 0; index < vocabularyWords; index++) {
      let word = "";
      for (let left = 1 + Math.floor(this.#chance() * 4); left >= 0; left--) {
        word += SYLLABLES[Math.floor(this.#chance() * SYLLABLES.length)]!;
      }
      this.#vocabulary.push(word);
    }
  }

  /** A text/plain message of about `sizeBytes`; `number` makes it findable as `needle<number>x`. */
  message(number: number, sizeBytes = 4096): Buffer {
    const from = `${this.#word()}@${this.#word()}.example`;
    const header = [
      `Return-Path: <${from}>`,
      `Received: from mx${number % 7}.example (mx.example [192.0.2.${number % 250}]) by mail.example with ESMTPS id ${this.#token(12)}`,
      `\tfor <alice@example.test>; Thu, ${1 + (number % 28)} Jan 2026 10:00:00 +0100`,
      `Received: by relay.example with SMTP id ${this.#token(16)}; Thu, ${1 + (number % 28)} Jan 2026 09:59:58 +0100`,
      `DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example; s=mail; h=from:to:subject:date;`,
      `\tbh=${this.#token(43)}=; b=${this.#token(60)}`,
      `\t${this.#token(70)}`,
      `\t${this.#token(42)}==`,
      `From: "${this.#word()} ${this.#word()}" <${from}>`,
      `To: Alice Example <alice@example.test>`,
      `Subject: ${number % 3 === 0 ? "Re: " : ""}${this.#word()} ${this.#word()} ${this.#word()}`,
      `Date: Thu, ${1 + (number % 28)} Jan 2026 09:59:50 +0100`,
      `Message-ID: <${this.#token(24)}@${this.#word()}.example>`,
      `References: <${this.#token(24)}@${this.#word()}.example>`,
      `MIME-Version: 1.0`,
      `Content-Type: text/plain; charset=utf-8`,
      `Content-Transfer-Encoding: 8bit`,
      `X-Mailer: Sample 1.0`,
      ``,
      `needle${number}x`,
      ``,
    ].join("\r\n");
    const lines: string[] = [];
    for (let size = header.length; size < sizeBytes;) {
      let line = this.#word();
      while (line.length < 66) line += ` ${this.#word()}`;
      lines.push(line);
      size += line.length + 2;
    }
    return Buffer.from(`${header}${lines.join("\r\n")}\r\n`);
  }

  #word(): string {
    // Zipf, roughly: rank = words^chance.
    return this.#vocabulary[Math.floor(this.#vocabulary.length ** this.#chance()) - 1] ?? "the";
  }

  #token(length: number): string {
    let token = "";
    while (token.length < length) token += Math.floor(this.#chance() * 2 ** 40).toString(36);
    return token.slice(0, length);
  }
}
