/** Why delivery refuses a recipient or a message, besides what the store refuses (StoreError). */
export type DeliveryRefusalCode =
  | "recipient_unknown"
  /** Not one of our domains, and this is no relay. */
  | "recipient_remote"
  /** A shared folder that the sender may not post to. */
  | "post_denied"
  | "over_quota_temporary"
  | "over_quota_permanent"
  | "message_loop"
  /** A filter rejected it; the message is the text for the sender. */
  | "rejected";

export class DeliveryRefusal extends Error {
  override name = "DeliveryRefusal";
  readonly code: DeliveryRefusalCode;

  constructor(code: DeliveryRefusalCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
