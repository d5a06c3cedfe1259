/**
 * Comma-separated values, RFC 4180, read piece by piece: fields in quotes may hold commas, line ends and doubled quotes.
 *
 *     record = field *("," field)      field = escaped / non-escaped      escaped = DQUOTE *( … / 2DQUOTE ) DQUOTE
 */
export interface CsvRecord {
  /** The line in which it begins, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

export class CsvError extends Error {
  override name = "CsvError";
  readonly line: number;
  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`);
    this.line = line;
  }
}

const MAX_FIELD = 64 * 1024;
const MAX_FIELDS = 256;

/** Lines end in LF or CRLF; empty ones are skipped. @throws CsvError */
export async function* readCsv(chunks: AsyncIterable<string> | Iterable<string>): AsyncGenerator<CsvRecord> {
  const reader = new CsvReader();
  for await (const chunk of chunks) yield* reader.push(chunk);
  yield* reader.end();
}

type State = "start" | "plain" | "quoted" | "quote";

class CsvReader {
  #state: State = "start";
  #field = "";
  #fields: string[] = [];
  #line = 1;
  #startLine = 1;
  #isFirst = true;

  *push(chunk: string): Generator<CsvRecord> {
    for (const character of chunk) {
      if (this.#isFirst) {
        this.#isFirst = false;
        // Spreadsheets begin with a byte order mark.
        if (character === "\uFEFF") continue;
      }
      if (character === "\n") this.#line++;
      if (this.#state === "quoted") {
        if (character === '"') this.#state = "quote";
        else this.#add(character);
      } else if (character === '"' && this.#state !== "plain") {
        // A quote behind a quote stands for one.
        if (this.#state === "quote") this.#add('"');
        this.#state = "quoted";
      } else if (character === ",") this.#endField();
      else if (character === "\n") yield* this.#endRecord();
      else if (this.#state === "quote" && character !== "\r") {
        throw new CsvError(this.#startLine, "text stands behind a closing quote");
      } else if (character === '"') throw new CsvError(this.#startLine, "a quote stands inside a field");
      else {
        if (this.#state === "start") this.#state = "plain";
        this.#add(character);
      }
    }
  }

  *end(): Generator<CsvRecord> {
    if (this.#state === "quoted") throw new CsvError(this.#startLine, "a quote is not closed");
    yield* this.#endRecord();
  }

  #add(character: string): void {
    if (this.#field.length >= MAX_FIELD) throw new CsvError(this.#startLine, "a field is too long");
    this.#field += character;
  }

  #endField(): void {
    if (this.#fields.length >= MAX_FIELDS) throw new CsvError(this.#startLine, "there are too many fields");
    this.#fields.push(this.#field);
    this.#field = "";
    this.#state = "start";
  }

  *#endRecord(): Generator<CsvRecord> {
    // The CR of a line end has been taken for a part of the last field, unless that was in quotes.
    const wasQuoted = this.#state === "quote";
    if (this.#field.endsWith("\r")) this.#field = this.#field.slice(0, -1);
    const isEmpty = this.#fields.length === 0 && this.#field === "" && !wasQuoted;
    this.#endField();
    const record = { line: this.#startLine, fields: this.#fields };
    this.#fields = [];
    this.#startLine = this.#line;
    if (!isEmpty) yield record;
  }
}

export function printCsv(fields: readonly string[]): string {
  const printed = fields.map((field) =>
    /[",\r\n]|^$/.test(field) ? `"${field.replaceAll('"', '""')}"` : field,
  );
  return `${printed.join(",")}\r\n`;
}
