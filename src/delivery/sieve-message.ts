/**
 * A message as Sieve scripts see it, over the parser of `mime`. Nothing is parsed before a test asks for it: most
 * scripts look at three header fields.
 */
import { parseAddressList } from "../mime/address.ts";
import { parseDateHeader } from "../mime/date.ts";
import { decodeHeader } from "../mime/encoded-word.ts";
import { HeaderScanner } from "../mime/headers.ts";
import { parameter, parseParameterized } from "../mime/parameters.ts";
import { parseStructure } from "../mime/structure.ts";
import type { PartNode } from "../mime/summary.ts";
import { partSource } from "../mime/text.ts";
import { headerLine } from "../mime/build.ts";
import type { HeaderField, SieveAddress, SieveDate, SieveMessage, SievePart } from "../sieve/message.ts";

/** Fields of one header that scripts see. */
const MAX_FIELDS = 2_000;

/** Of the field that a script sees: where it stands and how it is written. */
interface RawField {
  readonly start: number;
  readonly end: number;
  /** Unfolded, Latin-1, not decoded. */
  readonly value: string;
}

export class MailMessage implements SieveMessage {
  readonly sizeBytes: number;
  readonly root: SievePart;
  readonly #bytes: Buffer;
  readonly #raw = new Map<HeaderField, RawField>();
  /** Decoded value → as written: an encoded display name may hold commas. */
  readonly #written = new Map<string, string>();
  readonly #addresses = new Map<string, readonly SieveAddress[]>();
  #structure: PartNode | undefined;
  #bodyStart = 0;

  /** @param bytes the message, or its beginning; @param sizeBytes of the whole message */
  constructor(bytes: Buffer, sizeBytes: number) {
    this.#bytes = bytes;
    this.sizeBytes = sizeBytes;
    this.root = new MailPart(this, bytes, () => (this.#structure ??= parseStructure(bytes)), 0);
  }

  /** Undefined for fields that a script added. */
  rawField(field: HeaderField): Buffer | undefined {
    const raw = this.#raw.get(field);
    return raw === undefined ? undefined : this.#bytes.subarray(raw.start, raw.end);
  }

  /** Offset of the body: after the blank line. */
  get bodyStart(): number {
    void this.root.headers;
    return this.#bodyStart;
  }

  rawBody(): string {
    return this.#bytes.toString("latin1", this.bodyStart);
  }

  parseAddresses(value: string): readonly SieveAddress[] {
    let addresses = this.#addresses.get(value);
    if (addresses === undefined) {
      addresses = this.#parseAddresses(value);
      this.#addresses.set(value, addresses);
    }
    return addresses;
  }

  #parseAddresses(value: string): readonly SieveAddress[] {
    const written = this.#written.get(value) ?? Buffer.from(value, "utf8").toString("latin1");
    return parseAddressList(written)
      .filter(({ kind, mailbox, host }) => kind === "mailbox" && mailbox !== "" && host !== "")
      .map(({ mailbox, host }) => {
        const [localPart, domain] = [utf8(mailbox), utf8(host)];
        return { address: `${localPart}@${domain}`, localPart, domain };
      });
  }

  parseDate(value: string): SieveDate | undefined {
    const ms = parseDateHeader(value);
    if (ms === undefined) return undefined;
    const zone = /([+-])(\d\d)(\d\d)\s*(?:\([^)]*\)\s*)?$/.exec(value);
    const minutes = zone === null ? 0 : Number(zone[2]) * 60 + Number(zone[3]);
    return { epochSeconds: Math.floor(ms / 1000), zoneMinutes: zone?.[1] === "-" ? -minutes : minutes };
  }

  /** @internal */
  readHeaders(start: number, isRoot: boolean): readonly HeaderField[] {
    const scanner = new HeaderScanner(this.#bytes, start, this.#bytes.length);
    const fields: HeaderField[] = [];
    while (scanner.next()) {
      if (scanner.nameEnd === scanner.start || fields.length >= MAX_FIELDS) continue;
      const written = scanner.value();
      const field = { name: scanner.name(), value: decodeHeader(written) };
      fields.push(field);
      if (field.value !== written) this.#written.set(field.value, written);
      if (isRoot) this.#raw.set(field, { start: scanner.start, end: scanner.nextStart, value: written });
    }
    if (isRoot) this.#bodyStart = scanner.bodyStart;
    return fields;
  }
}

class MailPart implements SievePart {
  readonly #message: MailMessage;
  readonly #bytes: Buffer;
  readonly #node: () => PartNode;
  readonly #headerStart: number;
  #headers: readonly HeaderField[] | undefined;
  #children: readonly SievePart[] | undefined;

  constructor(message: MailMessage, bytes: Buffer, node: () => PartNode, headerStart: number) {
    this.#message = message;
    this.#bytes = bytes;
    this.#node = node;
    this.#headerStart = headerStart;
  }

  get headers(): readonly HeaderField[] {
    return (this.#headers ??= this.#message.readHeaders(this.#headerStart, this.#headerStart === 0));
  }

  get type(): string {
    return this.#node().type;
  }

  get subtype(): string {
    return this.#node().subtype;
  }

  get children(): readonly SievePart[] {
    return (this.#children ??= this.#node().children.map(
      (child) => new MailPart(this.#message, this.#bytes, () => child, child.headerStart),
    ));
  }

  text(): string {
    const node = this.#node();
    return node.type === "multipart" ? "" : partSource(this.#bytes, node);
  }

  parameter(header: string, name: string): string | undefined {
    const lower = header.toLowerCase();
    const field = this.headers.find((one) => one.name.toLowerCase() === lower);
    return field === undefined ? undefined : parameter(parseParameterized(field.value).parameters, name);
  }
}

/** The message with the header that a script left: fields it did not touch stay octet for octet. */
export function printEdited(message: MailMessage, headers: readonly HeaderField[], whole: Buffer): Buffer {
  const fields = headers.map(
    (field) => message.rawField(field) ?? Buffer.from(headerLine(field.name, field.value)),
  );
  return Buffer.concat([...fields, CRLF, whole.subarray(message.bodyStart)]);
}

const CRLF = Buffer.from("\r\n");

function utf8(latin1: string): string {
  return /[\x80-\xff]/.test(latin1) ? Buffer.from(latin1, "latin1").toString("utf8") : latin1;
}
