import type { DlistReader } from "./codec/reader.ts";
import type { Send, SyncDialogue } from "./dialogue.ts";
import type { RecordSpool } from "./record-spool.ts";

export interface SyncCommand {
  /** As on the wire, upper case: the key after GET or APPLY. */
  readonly name: string;
  /**
   * `reader` stands at the value; `records` are those of a long MAILBOX line, which has an empty list then. Returns the
   * last line, or nothing for OK. @throws SyncRefusal, StoreError
   */
  run(
    dialogue: SyncDialogue,
    reader: DlistReader,
    send: Send,
    records?: RecordSpool,
  ): Promise<string | undefined | void>;
}

export function syncCommand(command: SyncCommand): SyncCommand {
  return command;
}
