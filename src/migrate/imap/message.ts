/** A message on its way from one server to the other. */
import type { MessageFlags } from "../../imap/client-fetch.ts";
import type { Guid } from "../../store/model.ts";
import type { StagedBody } from "../../store/port.ts";

export interface CopyMessage {
  readonly uid: number;
  readonly flags: MessageFlags;
  /** Seconds since 1970. */
  readonly internalDate: number;
  /** As the source writes it, with its time zone; "" = not told. */
  readonly internalDateText: string;
  readonly sizeBytes: number;
  readonly guid: Guid;
  readonly body: Buffer | StagedBody;
  /** Of it that are in memory: 0 = it lies in a file. */
  readonly memoryBytes: number;
}
