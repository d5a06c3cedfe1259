/**
 * What a script sees of the world. Delivery implements it over `mime` and the store; `rookery sieve test` over a file.
 * All of it is synchronous: a script runs to its end in one go.
 */

/** One header field, unfolded and decoded (RFC 2047) to UTF-8. */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
}

export interface SieveAddress {
  /** `local@domain`, without comments and display name. */
  readonly address: string;
  readonly localPart: string;
  readonly domain: string;
}

/** A MIME part (RFC 5703) and, for the root, the message itself. */
export interface SievePart {
  readonly headers: readonly HeaderField[];
  /** Lower case. */
  readonly type: string;
  readonly subtype: string;
  readonly children: readonly SievePart[];
  /** Body without transfer encoding, in UTF-8; "" for multiparts. */
  text(): string;
  /** Parameter of Content-Type or another structured header; lower-case name. */
  parameter(header: string, name: string): string | undefined;
}

export interface SieveMessage {
  readonly sizeBytes: number;
  readonly root: SievePart;
  /** Everything after the header, undecoded. */
  rawBody(): string;
  /** RFC 5322 address list; unparsable pieces are left out. */
  parseAddresses(value: string): readonly SieveAddress[];
  /** Seconds since 1970 and the zone of a Date-like header value; undefined when it cannot be read. */
  parseDate(value: string): SieveDate | undefined;
}

export interface SieveDate {
  readonly epochSeconds: number;
  /** Minutes east of UTC. */
  readonly zoneMinutes: number;
}

export interface SieveEnvironment {
  /** Envelope addresses without angle brackets; "" = the null sender. */
  readonly envelopeFrom: string;
  readonly envelopeTo: string;
  /** AUTH parameter of MAIL FROM, when there was one. */
  readonly envelopeAuth: string | undefined;
  readonly now: SieveDate;
  /** Separator between user and detail in an address (RFC 5233): "+". */
  readonly addressSeparator: string;
  /** RFC 5183 items by name: domain, host, location, name, phase, remote-host, remote-ip, version … */
  item(name: string): string | undefined;
  mailboxExists(mailbox: string): boolean;
  mailboxIdExists(id: string): boolean;
  specialUseExists(mailbox: string | undefined, uses: readonly string[]): boolean;
  /** RFC 5490; mailbox undefined = server metadata. */
  metadata(mailbox: string | undefined, entry: string): string | undefined;
  /** RFC 7352: was this seen within `seconds`? Remembers it when the run succeeds. `last` restarts the time. */
  isDuplicate(handle: string, id: string, seconds: number, last: boolean): boolean;
  /** RFC 6609; undefined when there is no such script. */
  loadScript(location: "personal" | "global", name: string): string | undefined;
  /** RFC 6134; undefined when lists are not known here. */
  listContains(list: string, value: string): boolean | undefined;
}
