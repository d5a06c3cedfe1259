/**
 * What an IMAP command refuses with: NO (it cannot be done) or BAD (it was not IMAP), with a response code of
 * RFC 9051 §7.1 or RFC 5530 without its brackets.
 */
export class ImapRefusal extends Error {
  override name = "ImapRefusal";
  readonly status: "NO" | "BAD";
  readonly code: string | undefined;

  constructor(status: "NO" | "BAD", text: string, code?: string) {
    super(text);
    this.status = status;
    this.code = code;
  }
}

export function no(text: string, code?: string): ImapRefusal {
  return new ImapRefusal("NO", text, code);
}

export function bad(text: string, code?: string): ImapRefusal {
  return new ImapRefusal("BAD", text, code);
}
