import type { Addressee } from "../delivery/addressee.ts";

/** BODY= of RFC 6152 and RFC 3030. */
export type BodyKind = "7BIT" | "8BITMIME" | "BINARYMIME";

/** From MAIL FROM to the replies after the data (RFC 5321 §3.3). */
export interface Transaction {
  readonly sender: string;
  readonly senderText: string;
  /** SIZE as announced (RFC 1870 §5); 0 = not. */
  readonly sizeBytes: number;
  readonly body: BodyKind;
  readonly smtpUtf8: boolean;
  /** Accepted ones, in the order of their RCPT commands: each gets its own reply after the data (RFC 2033 §4.2). */
  readonly addressees: Addressee[];
}
