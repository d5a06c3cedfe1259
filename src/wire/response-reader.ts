/** RFC 5321 §4.5.3.1.5 asks for 512; some servers write more. */
const MAX_RESPONSE_LINE_BYTES = 8_192;
const MAX_RESPONSE_LINES = 1_000;

/** One reply of a server, its lines joined: `250-a` `250 b` → code 250, lines ["a", "b"] (RFC 5321 §4.2). */
export interface Response {
  readonly code: number;
  readonly lines: readonly string[];
}

/** Client side: bytes in, whole replies out. */
export class ResponseReader {
  #rest = "";
  #lines: string[] = [];

  /** @throws Error when the peer does not speak the protocol. */
  read(chunk: Buffer): Response[] {
    const responses: Response[] = [];
    let text = this.#rest + chunk.toString("utf8");
    for (;;) {
      const end = text.indexOf("\n");
      if (end < 0) break;
      const line = text.slice(0, end).replace(/\r$/, "");
      text = text.slice(end + 1);
      const match = /^([2-5]\d\d)([ -]?)(.*)$/s.exec(line);
      if (match === null) throw new Error(`Cannot read the reply ${JSON.stringify(line.slice(0, 200))}`);
      this.#lines.push(match[3] ?? "");
      if (this.#lines.length > MAX_RESPONSE_LINES) throw new Error("Cannot read a reply of that many lines");
      if (match[2] === "-") continue;
      responses.push({ code: Number(match[1]), lines: this.#lines });
      this.#lines = [];
    }
    if (text.length > MAX_RESPONSE_LINE_BYTES) throw new Error("Cannot read a reply line of that length");
    this.#rest = text;
    return responses;
  }
}
