/** The peer's bytes cannot be understood: `IMAP_PROTOCOL_ERROR` on the wire. */
export class SyncProtocolError extends Error {
  override name = "SyncProtocolError";
}
