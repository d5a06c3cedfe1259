/**
 * What the other side of a SASL exchange got wrong. `malformed`: not in the mechanism's grammar. `channel_binding`: the
 * two ends do not see the same TLS session, or one of them was talked down (RFC 5802 §6). `server_invalid`: the server
 * could not prove that it knows the password (client side of SCRAM). `refused`: the server said so in the exchange.
 */
export type SaslErrorCode = "malformed" | "channel_binding" | "server_invalid" | "refused";

export class SaslError extends Error {
  override name = "SaslError";
  readonly code: SaslErrorCode;
  constructor(code: SaslErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
