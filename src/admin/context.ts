import type { Clock } from "../base/io/clock.ts";
import type { Log } from "../base/log.ts";
import type { Scripts } from "../delivery/scripts.ts";
import type { SieveFilter } from "../delivery/sieve-filter.ts";
import type { DirectoryAdmin } from "../directory/admin.ts";
import type { Directory } from "../directory/port.ts";
import type { DeviceStates } from "../eas/state/port.ts";
import type { Queue } from "../queue/queue.ts";
import type { Maintenance } from "../store/maintenance/maintenance.ts";
import type { Store } from "../store/port.ts";
import type { Replication } from "../sync/replication/replication.ts";
import { AdminError } from "./failure.ts";
import type { Json } from "./operation.ts";

/** What operations need of a node, running or opened for one command. `main/` passes it in. */
export interface NodeContext {
  readonly store: Store;
  readonly maintenance: Maintenance;
  readonly directory: Directory;
  /** Undefined where users are kept elsewhere (LDAP). */
  readonly directoryAdmin: DirectoryAdmin | undefined;
  readonly scripts: Scripts;
  readonly filter: Pick<SieveFilter, "rehearse">;
  /** Outgoing mail. */
  readonly queue: Queue;
  /** What ActiveSync devices know. Its methods reject with SqlError while it cannot be had. */
  readonly devices: DeviceStates;
  readonly deviceTraces: DeviceTraceReader;
  /** To other servers, by the sync protocol. */
  readonly replication: Replication;
  readonly defaultDomain: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Makes INBOX and the configured special folders of a user who has none yet. */
  createHome(userId: string): Promise<void>;
  /** The usual local delivery: plus-address, quota, duplicates. */
  deliver(message: MessageToDeliver): Promise<readonly DeliveryAnswer[]>;
  /** A device that waits for mail comes again at once, and is judged anew. */
  endHeld(userId: string, deviceId: string): void;
  /** Ends the sessions of a user who may no longer be there. */
  disconnect(userId: string, reason: string): void;
  /** Reads certificates and keys again. Throws and keeps the old ones when the new ones are unusable. */
  reloadCertificates(): Promise<Json>;
  /** Process id, version, endpoints … of the node that answers. */
  status(): Json;
}

/** Traces of devices, as `rookery device trace` shows them. */
export interface DeviceTraceReader {
  pathOf(userId: string, deviceId: string): string;
  /** Undefined when there is none. */
  read(userId: string, deviceId: string): string | undefined;
  remove(userId: string, deviceId: string): void;
}

export interface MessageToDeliver {
  /** Envelope sender; "" = the null reverse path. */
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly message: Buffer;
}

export interface DeliveryAnswer {
  readonly recipient: string;
  readonly accepted: boolean;
  readonly temporary: boolean;
  /** As a sending MTA would read it. */
  readonly text: string;
}

/** @throws AdminError directory_read_only */
export function writableDirectory(node: NodeContext): DirectoryAdmin {
  if (node.directoryAdmin !== undefined) return node.directoryAdmin;
  throw new AdminError("directory_read_only", "users are kept in LDAP and cannot be changed here", {
    next: "Change them in the LDAP directory.",
  });
}
