import type { StagedBody } from "../store/port.ts";

/** Who sent a message and how it came. */
export interface Envelope {
  /** Address of the sender; "" = the null reverse-path of notices. */
  readonly sender: string;
  /** The same as it stood between the brackets, with quotes where needed: for Return-Path. */
  readonly senderText: string;
  /** For the log and the Received field; one for each message. */
  readonly id: string;
  /** What the peer called itself, checked to be printable; "" = nothing. */
  readonly peerName: string;
  readonly peerAddress: string;
  /** RFC 3848 and RFC 6531 §4.3: LMTP, LMTPS, LMTPA, LMTPSA, UTF8LMTP … */
  readonly protocol: string;
  /** "TLSv1.3 TLS_AES_256_GCM_SHA384"; "" = in the clear. */
  readonly tls: string;
  /** User the peer authenticated as; "" = a trusted network. */
  readonly authenticatedAs: string;
}

/** A message as received, without the fields that delivery adds. */
export interface IncomingMessage {
  readonly body: StagedBody;
  /** Its first bytes, at least the header up to MAX_HEAD_BYTES. */
  readonly head: Buffer;
}

/** How much of a message is looked at for Message-ID and Received fields. */
export const MAX_HEAD_BYTES = 65_536;
