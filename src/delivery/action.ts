import type { MailboxName } from "../store/model.ts";
import type { Addressee, Place } from "./addressee.ts";
import type { Envelope, IncomingMessage } from "./envelope.ts";
import type { OutboundMail } from "./outbound.ts";

/** Flags that a filter gives to the copies it files. */
export interface Marks {
  /** OR of SystemFlag. */
  readonly systemFlags: number;
  readonly keywords: readonly string[];
}

/** What to do with a message for one recipient, in order. The implicit keep of RFC 5228 §2.10.2 is one too. */
export type Action =
  /** Into the place the address names: the plus folder, else INBOX. */
  | { readonly kind: "keep"; readonly marks: Marks; readonly edited?: Buffer | undefined }
  | {
      readonly kind: "file";
      readonly mailbox: MailboxName;
      readonly create: boolean;
      readonly marks: Marks;
      /** The message as the filter changed it (RFC 5293), for this copy only. */
      readonly edited?: Buffer | undefined;
    }
  | { readonly kind: "discard" }
  /** Answered to the sending MTA (RFC 5429). */
  | { readonly kind: "reject"; readonly reason: string }
  /** Given to the outbound queue. When a `required` one cannot be, the sending MTA is asked to try again. */
  | { readonly kind: "send"; readonly mail: OutboundMail; readonly required: boolean }
  /** Remembered once the message is filed (RFC 7352 §3). */
  | { readonly kind: "remember"; readonly key: string; readonly seconds: number }
  /** A message of ours for the owner, put into INBOX beside what else happens. */
  | { readonly kind: "notice"; readonly bytes: Buffer };

/**
 * Stands between resolution and filing; Sieve is one. Undefined = it has nothing to say, the message is kept.
 * A filter that throws is logged and the message is kept: mail is never lost to a script.
 */
export interface Filter {
  actions(
    message: IncomingMessage,
    envelope: Envelope,
    addressee: Addressee,
    place: Place,
  ): Promise<readonly Action[] | undefined>;
}

export const NO_MARKS: Marks = { systemFlags: 0, keywords: [] };
export const IMPLICIT_KEEP: readonly Action[] = [{ kind: "keep", marks: NO_MARKS }];
