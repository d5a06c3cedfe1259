import type { HeaderField } from "./message.ts";

/** What a run wants done, in order. `headers` is set when editheader (RFC 5293) changed them before the action. */
export type SieveAction =
  | { readonly kind: "keep"; readonly flags: readonly string[]; readonly headers: EditedHeaders }
  | {
      readonly kind: "fileinto";
      readonly mailbox: string;
      readonly flags: readonly string[];
      readonly create: boolean;
      /** RFC 8579: file into the mailbox with this use when there is one. */
      readonly specialUse: string | undefined;
      /** RFC 9042: file into the mailbox with this id when there is one. */
      readonly mailboxId: string | undefined;
      readonly headers: EditedHeaders;
    }
  | { readonly kind: "redirect"; readonly address: string; readonly headers: EditedHeaders }
  | { readonly kind: "discard" }
  | {
      readonly kind: "reject";
      readonly reason: string;
      /** ereject (RFC 5429 §2.1): refuse in the protocol rather than by a message. */
      readonly inProtocol: boolean;
    }
  | {
      readonly kind: "vacation";
      readonly reason: string;
      readonly seconds: number;
      readonly subject: string | undefined;
      readonly from: string | undefined;
      readonly addresses: readonly string[];
      /** The reason is a MIME entity of its own. */
      readonly mime: boolean;
      readonly handle: string;
    }
  | {
      readonly kind: "notify";
      readonly method: string;
      readonly from: string | undefined;
      readonly importance: 1 | 2 | 3;
      readonly options: readonly string[];
      readonly message: string | undefined;
    };

/** undefined = as the message came. */
export type EditedHeaders = readonly HeaderField[] | undefined;

export interface SieveOutcome {
  readonly actions: readonly SieveAction[];
  /** The script ended early: the message is kept as it came and the owner is told. */
  readonly error: Error | undefined;
  /** What was decided and why, a line each; filled only when asked for. */
  readonly trace: readonly string[];
}
