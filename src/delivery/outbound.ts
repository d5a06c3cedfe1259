/**
 * What delivery needs of the outbound queue; `main/` passes it in. Everything a filter sends goes through here, so that
 * bounds and memory are in one place and survive a restart.
 */
import type { UserId } from "../store/model.ts";

export interface OutboundMail {
  readonly kind: "redirect" | "vacation" | "notify";
  /** Whose filter sends it: rates are bounded per user. */
  readonly userId: UserId;
  /** Envelope sender; "" = the null reverse-path. */
  readonly sender: string;
  readonly recipient: string;
  /** The whole message. Not changed afterwards. */
  readonly bytes: Buffer;
  /** Sent once for this key within so many seconds, remembered with the message itself. */
  readonly once: { readonly key: string; readonly seconds: number } | undefined;
}

/** "repeated": its key was remembered; "limited": above the user's rate. */
export type Submission = "queued" | "repeated" | "limited";

export interface Outbound {
  /** Durable when it resolves. Failures of the disk reject. */
  submit(mail: OutboundMail): Promise<Submission>;
  isRemembered(userId: UserId, key: string): boolean;
  remember(userId: UserId, key: string, seconds: number): Promise<void>;
}
