/** Messages between the session thread and the index's worker. Requests are answered in order, one reply each. */

/** Message bodies back to back in one transferred buffer. */
export interface PackedBodies {
  readonly bytes: ArrayBuffer;
  readonly lengths: Uint32Array;
}

export type IndexRequest =
  | { readonly op: "state"; readonly mailbox: number; readonly uidValidity: number }
  | { readonly op: "mailboxes" }
  | {
      readonly op: "add";
      readonly mailbox: number;
      readonly uidValidity: number;
      readonly uids: Uint32Array;
      readonly bodies: PackedBodies;
      readonly indexedTo: number;
    }
  | { readonly op: "trim"; readonly mailbox: number; readonly live: Uint32Array }
  | { readonly op: "drop"; readonly mailbox: number }
  | { readonly op: "candidates"; readonly mailbox: number; readonly query: FoldedQuery }
  | { readonly op: "verify"; readonly bodies: PackedBodies; readonly query: FoldedQuery }
  | { readonly op: "totals" }
  | { readonly op: "close" };

export interface FoldedQuery {
  readonly kind: "text" | "body" | "header";
  /** Lower case; "" unless kind is "header". */
  readonly field: string;
  readonly value: string;
}

/** What each operation answers with. */
export interface IndexAnswers {
  readonly state: { readonly indexedTo: number; readonly messages: number };
  readonly mailboxes: readonly number[];
  readonly add: undefined;
  readonly trim: undefined;
  readonly drop: undefined;
  readonly candidates: { readonly uids: Uint32Array; readonly exact: boolean; readonly indexedTo: number };
  /** 1 for each body that matches. */
  readonly verify: Uint8Array;
  readonly totals: { readonly segments: number; readonly messages: number; readonly sizeBytes: number };
  readonly close: undefined;
}

export interface IndexReply {
  readonly answer?: unknown;
  /** Of what was thrown; `code` as SQLite or the system has it. */
  readonly error?: { readonly message: string; readonly code: string | undefined };
}

export function packBodies(bodies: readonly Buffer[]): PackedBodies {
  const lengths = new Uint32Array(bodies.length);
  let total = 0;
  for (let index = 0; index < bodies.length; index++) {
    lengths[index] = bodies[index]!.length;
    total += bodies[index]!.length;
  }
  const bytes = new ArrayBuffer(total);
  const view = new Uint8Array(bytes);
  let at = 0;
  for (const body of bodies) {
    view.set(body, at);
    at += body.length;
  }
  return { bytes, lengths };
}

export function* unpackBodies({ bytes, lengths }: PackedBodies): Iterable<Buffer> {
  let at = 0;
  for (const length of lengths) {
    yield Buffer.from(bytes, at, length);
    at += length;
  }
}
