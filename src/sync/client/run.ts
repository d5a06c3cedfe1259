/** One run against one replica: what every part of it needs. */
import type { Clock } from "../../base/io/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Store } from "../../store/port.ts";
import type { Replica } from "./replica.ts";

export interface SyncRun {
  readonly store: Store;
  readonly replica: Replica;
  readonly clock: Clock;
  readonly log: Log;
  /** The replica gives way, messages of its own apart; nothing is taken back from it. */
  readonly force: boolean;
  /** Every message is compared, also where the checksums are equal: they can hide a difference. */
  readonly full?: boolean;
  /** Bytes of messages a second at most; 0 = as fast as it goes. */
  readonly maxBytesPerSecond: number;
  /** Told of each step, in the words of the first replication engine (`UPLOAD [2 msgs]`). */
  readonly step: (text: string) => void;
  /** Messages that were uploaded, for metrics. */
  readonly uploaded: (messages: number, bytes: number) => void;
}
