import type { Clock } from "../base/io/clock.ts";
import type { Log } from "../base/log.ts";
import type { Delivery } from "../delivery/delivery.ts";
import type { Directory } from "../directory/port.ts";
import type { Store } from "../store/port.ts";
import type { LmtpMetrics } from "./metrics.ts";
import type { LmtpSettings } from "./options.ts";

/** What the room needs of others. */
export interface LmtpPorts {
  readonly store: Pick<Store, "stage" | "stageBuffer">;
  readonly delivery: Delivery;
  readonly directory: Directory;
  readonly settings: LmtpSettings;
  readonly hostName: string;
  readonly tlsAvailable: boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: LmtpMetrics;
}
