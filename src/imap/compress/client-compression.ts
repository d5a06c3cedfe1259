/** The client's side of COMPRESS (RFC 4978): what a server sends is bounded by the client's lines and literals. */
import type { Connection } from "../../base/io/network.ts";
import { CompressedConnection } from "./compressed-connection.ts";

/** @param broken called when the server's stream cannot be read on */
export function compressForClient(under: Connection, broken: (reason: string) => void): CompressedConnection {
  // A mailbox of one letter compresses without bound: the ratio that betrays a hostile client says nothing here.
  return new CompressedConnection(under, { broken, inLiteral: () => true });
}
