/**
 * An operation is what an administrator can do to a node, once: the admin socket of a running node and the command
 * line over a stopped one run the same code. One file each in operations/, one line each in operations.ts.
 */
import type { Fields } from "./fields.ts";
import type { NodeContext } from "./context.ts";

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export interface Operation {
  /** `room.verb`, as in `mailbox.list`: its path on the admin socket. */
  readonly name: string;
  /** Reads the arguments, refuses bad ones, does the work. Everything it changed is durable when it resolves. */
  run(node: NodeContext, fields: Fields, output: OperationOutput): Promise<Json>;
}

export interface OperationOutput {
  /** One item of a long answer; resolves when the reader can take the next one. */
  row(value: Json): Promise<void>;
  progress(step: Progress): void;
  /** Bytes that came with the request (a message to deliver); empty when none. */
  readonly payload: Buffer;
}

export interface Progress {
  readonly what: string;
  readonly done: number;
  /** 0 while unknown. */
  readonly total: number;
}

/** What came out of an operation, whichever way it was run. */
export interface Outcome {
  readonly result: Json;
  readonly rows: readonly Json[];
}

/** A request's payload at most: the largest message a node accepts, with room. */
export const MAX_PAYLOAD_BYTES = 256 * 1024 * 1024;
