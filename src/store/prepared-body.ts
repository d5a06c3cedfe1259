/**
 * A body in memory whose digest and summary are made by who brings it instead of the committer: for somebody who brings
 * many messages, and whose thread has the time for it while the committer's has not.
 */
import { hash } from "node:crypto";
import { encodeSummary } from "../mime/summary-codec.ts";
import { summarize } from "../mime/summarize.ts";
import type { Guid } from "./model.ts";
import type { PreparedBody } from "./port.ts";
import { MemoryBody } from "./staging.ts";

export class KnownBody extends MemoryBody implements PreparedBody {
  readonly digest: Guid;
  /** GUID · summary: in one piece, since each costs something at the border between threads. */
  override readonly known: Uint8Array;

  constructor(bytes: Buffer) {
    super(bytes);
    const guid = hash("sha1", bytes, "buffer");
    this.digest = guid.toString("hex");
    this.known = encodeSummary(summarize(bytes), guid);
  }

  /** At once: the collector would let some 60 MiB of such bodies gather before it looks. What shares a pool stays. */
  override release(): void {
    free(this.bytes);
    free(this.known);
  }
}

function free({ buffer, length }: Uint8Array): void {
  if (length > 0 && buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0);
}
