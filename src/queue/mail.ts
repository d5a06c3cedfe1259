/** What is given to the queue. Delivery declares the same shape as its port. */
export interface QueuedMail {
  readonly kind: "redirect" | "vacation" | "notify" | "report" | "submission";
  /** Whose filter sends it; "" = the node itself. */
  readonly userId: string;
  /** Envelope sender; "" = the null reverse-path. */
  readonly sender: string;
  readonly recipient: string;
  readonly bytes: Buffer;
  /** Sent once for this key within so many seconds. */
  readonly once: { readonly key: string; readonly seconds: number } | undefined;
}

/** A mail that waits: one recipient each. */
export interface WaitingMail {
  readonly id: number;
  readonly kind: string;
  readonly userId: string;
  readonly sender: string;
  readonly recipient: string;
  /** Lower case. */
  readonly domain: string;
  readonly sizeBytes: number;
  readonly createdAtMs: number;
  readonly attempts: number;
  readonly nextAtMs: number;
  /** What the last attempt ended with; "" = none yet. */
  readonly lastError: string;
  readonly delayNoticed: boolean;
}
