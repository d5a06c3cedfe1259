/** Place in a script; both count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** The script is wrong: shown to its author by ManageSieve (RFC 5804 §2.6) and `rookery sieve check`. */
export class SieveSyntaxError extends Error {
  override name = "SieveSyntaxError";
  readonly position: Position;

  constructor(position: Position, message: string) {
    super(`line ${position.line}, column ${position.column}: ${message}`);
    this.position = position;
  }
}

/** The script is right but cannot go on with this message; delivery keeps the message then (RFC 5228 §2.10.6). */
export class SieveRuntimeError extends Error {
  override name = "SieveRuntimeError";
}
