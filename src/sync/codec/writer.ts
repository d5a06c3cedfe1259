/**
 * Prints dlist values as Cyrus 3.6.1 does (observed): atom where possible, quoted where it must, literal otherwise.
 * A client prints `{n+}`, a server `{n}`; neither waits.
 */

/** Longest string that is printed as an atom or in quotes. */
const MAX_SHORT_BYTES = 1024;
const ATOM = /^[\x1f-\x7e]+$/;
const NOT_ATOM = /[ {()"%*\\]/;
// TAB is fine inside quotes, as in an ACL.
const NOT_QUOTED = /[\x80-\xff\r\n"%\\\0]/;

export class DlistWriter {
  readonly #chunks: Buffer[] = [];
  readonly #literalMark: string;
  #text = "";
  #needsSpace = false;

  constructor(side: "client" | "server") {
    this.#literalMark = side === "client" ? "+}\r\n" : "}\r\n";
  }

  /** Text as it is, no quoting: command words. */
  raw(text: string): this {
    this.#separate();
    this.#text += text;
    this.#needsSpace = true;
    return this;
  }

  string(value: string | Buffer): this {
    const text =
      typeof value === "string" ? Buffer.from(value, "utf8").toString("latin1") : value.toString("latin1");
    if (text.length === 0) return this.raw('""');
    if (text.length < MAX_SHORT_BYTES && text !== "NIL" && ATOM.test(text) && !NOT_ATOM.test(text)) {
      return this.raw(text);
    }
    if (text.length < MAX_SHORT_BYTES && !NOT_QUOTED.test(text)) return this.raw(`"${text}"`);
    this.raw(`{${text.length}${this.#literalMark}`);
    this.#text += text;
    return this;
  }

  /** Always as a literal, as Cyrus prints the content of scripts. */
  literal(value: Buffer): this {
    this.raw(`{${value.length}${this.#literalMark}`);
    this.#text += value.toString("latin1");
    return this;
  }

  /** A literal whose bytes are not copied. */
  body(value: Buffer): this {
    this.raw(`{${value.length}${this.#literalMark}`);
    this.#flushText();
    this.#chunks.push(value);
    return this;
  }

  number(value: number): this {
    return this.raw(String(value));
  }

  /** Flags are printed raw, keywords too. */
  flags(flags: readonly string[]): this {
    return this.raw(`(${flags.join(" ")})`);
  }

  list(items: (writer: this) => void): this {
    return this.#bracket("(", items);
  }

  kvlist(items: (writer: this) => void): this {
    return this.#bracket("%(", items);
  }

  key(name: string): this {
    return this.raw(name);
  }

  /** `%{partition guid size}` with its body; `body` is not copied. */
  file(partition: string, guid: string, body: Buffer): this {
    this.raw(`%{${partition} ${guid} ${body.length}}\r\n`);
    this.#flushText();
    this.#chunks.push(body);
    return this;
  }

  /** Ends the line and hands out its pieces; the writer is empty afterwards. */
  line(): Buffer[] {
    this.#text += "\r\n";
    this.#flushText();
    this.#needsSpace = false;
    return this.#chunks.splice(0);
  }

  #bracket(open: string, items: (writer: this) => void): this {
    this.raw(open);
    this.#needsSpace = false;
    items(this);
    this.#text += ")";
    this.#needsSpace = true;
    return this;
  }

  #separate(): void {
    if (this.#needsSpace) this.#text += " ";
    this.#needsSpace = false;
  }

  #flushText(): void {
    if (this.#text !== "") this.#chunks.push(Buffer.from(this.#text, "latin1"));
    this.#text = "";
  }
}
