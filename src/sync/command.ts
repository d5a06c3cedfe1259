import type { DlistReader } from "./codec/reader.ts";
import type { Send, SyncDialogue } from "./dialogue.ts";

export interface SyncCommand {
  /** As on the wire, upper case: the key after GET or APPLY. */
  readonly name: string;
  /** `reader` stands at the value. Returns the last line, or nothing for OK. @throws SyncRefusal, StoreError */
  run(dialogue: SyncDialogue, reader: DlistReader, send: Send): Promise<string | undefined | void>;
}

export function syncCommand(command: SyncCommand): SyncCommand {
  return command;
}
