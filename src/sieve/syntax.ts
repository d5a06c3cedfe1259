import type { Position } from "./errors.ts";

/** RFC 5228 §8.2: what a script says, before anything is known about its words. */
export interface CommandNode {
  readonly name: string;
  readonly position: Position;
  readonly arguments: readonly ArgumentNode[];
  readonly tests: readonly TestNode[];
  /** undefined = ended by ";" */
  readonly block: readonly CommandNode[] | undefined;
}

export interface TestNode {
  readonly name: string;
  readonly position: Position;
  readonly arguments: readonly ArgumentNode[];
  readonly tests: readonly TestNode[];
}

export type ArgumentNode =
  | { readonly kind: "tag"; readonly name: string; readonly position: Position }
  | { readonly kind: "number"; readonly value: number; readonly position: Position }
  | {
      readonly kind: "strings";
      readonly values: readonly string[];
      /** Written with brackets. */
      readonly list: boolean;
      readonly position: Position;
    };
