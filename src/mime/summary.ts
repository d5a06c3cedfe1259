/**
 * What IMAP, ActiveSync and the index need of a message without its body: parsed once at delivery, kept apart from
 * bodies (docs/architecture.md, "The store").
 */

/** One MIME part. Offsets count bytes from the start of the message; ends are exclusive. */
export interface PartNode {
  readonly headerStart: number;
  /** First byte of the body: after the blank line. */
  readonly bodyStart: number;
  readonly bodyEnd: number;
  /** Lines in the body as BODYSTRUCTURE counts them (RFC 9051 §7.5.2): of text and message/rfc822; 0 for other types. */
  readonly lines: number;
  /** Lower case. */
  readonly type: string;
  readonly subtype: string;
  /** Lower case: "7bit", "8bit", "binary", "base64", "quoted-printable" or what the header says. */
  readonly encoding: string;
  readonly charset: string;
  /** Of multipart: its parts; of message/rfc822: the embedded message as the single child; otherwise empty. */
  readonly children: readonly PartNode[];
}

export interface MessageSummary {
  readonly sizeBytes: number;
  /** RFC 9051 §7.5.2 ENVELOPE, in parentheses, ready to send. Header octets as they stand, 8-bit ones as literals. */
  readonly envelope: Buffer;
  /** RFC 9051 §7.5.2 BODYSTRUCTURE with extension data, rendered like `envelope`. */
  readonly bodyStructure: Buffer;
  /** BODY without extension data. */
  readonly body: Buffer;
  readonly root: PartNode;
  /** Milliseconds since 1970 of the Date header; undefined when it has none or cannot be read. */
  readonly sentDateMs: number | undefined;
  /** RFC 5256 §2.1 base subject, decoded, upper-cased for comparison (i;unicode-casemap as far as toUpperCase goes). */
  readonly baseSubject: string;
  readonly isReplyOrForward: boolean;
  /** Without angle brackets; "" = none. */
  readonly messageId: string;
  /** References, else In-Reply-To, oldest first (RFC 5256 THREAD=REFERENCES). */
  readonly references: readonly string[];
  /** Decoded mailbox part of the first address, upper-cased, for SORT; "" = none. */
  readonly sortFrom: string;
  readonly sortTo: string;
  readonly sortCc: string;
  /** RFC 5957 display names, decoded, upper-cased. */
  readonly displayFrom: string;
  readonly displayTo: string;
  /** RFC 8970 preview, at most 200 characters; "" when the message has no text. */
  readonly preview: string;
}
