/** Why mail could not be handed over: the other host's answer, or ours where it gave none (4yz). */
export class SmtpFailure extends Error {
  override name = "SmtpFailure";
  /** RFC 5321 §4.2. */
  readonly code: number;
  /** The host that said so; "" = nobody was reached. */
  readonly host: string;

  constructor(code: number, text: string, options?: ErrorOptions & { readonly host?: string }) {
    super(text, options);
    this.code = code;
    this.host = options?.host ?? "";
  }

  get temporary(): boolean {
    return this.code < 500;
  }

  /** RFC 3463; as in the text, else by the first digit. */
  get status(): string {
    return /^([245]\.\d{1,3}\.\d{1,3})\b/.exec(this.message)?.[1] ?? `${this.temporary ? 4 : 5}.0.0`;
  }
}
