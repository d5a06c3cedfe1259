/** What IMAP asks of a full-text index. The index room implements it; `main/` passes it in. */
import type { Uid } from "../../base/numbers.ts";
import type { MailboxId } from "../../store/model.ts";

export type TextField = "subject" | "from" | "to" | "cc" | "bcc" | "header" | "body" | "text";

export interface TextSearch {
  /**
   * Messages that may contain `needle` as a substring (any case); undefined = the index cannot narrow it down.
   * With `exact` no further check is needed for `uids`. Messages in `unknown` are not indexed yet: they are scanned. Both ascend.
   */
  candidates(
    mailbox: MailboxId,
    field: TextField,
    needle: string,
  ): Promise<
    { readonly uids: readonly Uid[]; readonly exact: boolean; readonly unknown: readonly Uid[] } | undefined
  >;
}
