/** Why a user's mail is not taken, besides what delivery and the directory refuse. */
export type SubmissionRefusalCode =
  | "sender_denied"
  | "recipient_unknown"
  | "recipient_invalid"
  | "no_recipients"
  | "too_many_recipients"
  | "message_too_big"
  | "rate_limited"
  | "queue_full"
  /** Too much mail is being taken at this moment. */
  | "busy";

export class SubmissionRefusal extends Error {
  override name = "SubmissionRefusal";
  readonly code: SubmissionRefusalCode;
  constructor(code: SubmissionRefusalCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** Is trying again later of use? */
  get temporary(): boolean {
    return this.code === "rate_limited" || this.code === "queue_full" || this.code === "busy";
  }
}
