/**
 * Everything that the gateway remembers, in one place that several gateways share: SQLite for one machine, PostgreSQL for
 * more. Both pass test/contracts/eas-state.
 *
 * A record is found by user, device, kind and key, and carries a version: writing says which version it replaces, so that
 * of two gateways that answer one device only one wins. Records of a device go with it; unused ones expire.
 */
export interface DeviceStates {
  get(address: StateAddress): Promise<StateRecord | undefined>;
  /** All records of one kind of a device. */
  list(
    userId: string,
    deviceId: string,
    kind: StateKind,
  ): Promise<readonly (StateRecord & { readonly key: string })[]>;
  /**
   * Writes when the stored version is `expected` (0 = must not exist) and answers the new version; undefined = somebody
   * else wrote meanwhile. All or none. The expiry time starts anew.
   */
  put(changes: readonly StateChange[]): Promise<boolean>;
  /** True when it was not known yet: a ClientId of SendMail, a quarantine notice. Kept for `seconds`. */
  remember(address: StateAddress, seconds: number): Promise<boolean>;
  forget(address: StateAddress): Promise<void>;

  device(userId: string, deviceId: string): Promise<Device | undefined>;
  /** Makes the device when it is new. */
  touchDevice(
    device: Pick<Device, "userId" | "deviceId" | "deviceType" | "userAgent">,
    access: DeviceAccess,
  ): Promise<Device>;
  updateDevice(
    userId: string,
    deviceId: string,
    changes: Partial<DeviceChanges>,
  ): Promise<Device | undefined>;
  /** undefined = all users. */
  devices(userId: string | undefined): Promise<readonly Device[]>;
  /** Its state; the device itself stays known and syncs from the start (S2.44). */
  resetDevice(userId: string, deviceId: string): Promise<void>;
  removeDevice(userId: string, deviceId: string): Promise<boolean>;

  /** Takes out what was not used for the time of expiry; answers how many records. */
  expire(nowMs: number): Promise<number>;
  close(): Promise<void>;
}

export type StateKind =
  /** The folder tree as the device knows it, and the next folder id. Key "". */
  | "folders"
  /** Cursor of a collection. Key = CollectionId. */
  | "collection"
  /** Last Ping and Sync parameters, for requests that leave them out. Key "ping" or "sync". */
  | "parameters"
  /** Key = ClientId. */
  | "sent"
  /** Messages handed to an SMTP server, of no device; key = hash of their onceKey. */
  | "sending"
  /** Bad items; key = CollectionId:uid; value = reason. */
  | "quarantine"
  | "policy"
  /** Follow-ups and verbs of a folder, of all devices (deviceId ""); key = hash of the folder's key. */
  | "marks";

export interface StateAddress {
  readonly userId: string;
  readonly deviceId: string;
  readonly kind: StateKind;
  readonly key: string;
}

export interface StateRecord {
  readonly version: number;
  readonly value: Buffer;
}

export interface StateChange extends StateAddress {
  readonly expected: number;
  /** undefined = delete. */
  readonly value: Buffer | undefined;
}

export type DeviceAccess = "allowed" | "quarantined" | "blocked";

export interface DeviceChanges {
  readonly access: DeviceAccess;
  /** 0 = none given yet, or asked to provision again. */
  readonly policyKey: number;
  /** A wipe that the device has not acknowledged yet. */
  readonly wipe: "none" | "device" | "account";
  readonly wipedAtMs: number;
  readonly tracing: boolean;
  /** What Settings DeviceInformation said. */
  readonly information: Readonly<Record<string, string>>;
  readonly lastVersion: string;
}

export interface Device extends DeviceChanges {
  readonly userId: string;
  readonly deviceId: string;
  readonly deviceType: string;
  readonly userAgent: string;
  readonly createdAtMs: number;
  readonly lastSeenAtMs: number;
}
