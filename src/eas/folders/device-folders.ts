/** The stored folder tree of a device: what CollectionIds mean. */
import type { Account } from "../account/port.ts";
import type { DeviceStates, StateAddress, StateChange } from "../state/port.ts";
import {
  compareTrees,
  decodeRecord,
  type DeviceFolder,
  encodeRecord,
  type FolderRecord,
  isEmptyDifference,
  treeOf,
} from "./folder-record.ts";

interface Owner {
  readonly userId: string;
  readonly deviceId: string;
}

export class DeviceFolders {
  readonly #address: StateAddress;
  /** 0 = not stored yet. */
  readonly version: number;
  readonly record: FolderRecord | undefined;

  private constructor(address: StateAddress, version: number, record: FolderRecord | undefined) {
    this.#address = address;
    this.version = version;
    this.record = record;
  }

  static async load(states: DeviceStates, { userId, deviceId }: Owner): Promise<DeviceFolders> {
    const address: StateAddress = { userId, deviceId, kind: "folders", key: "" };
    const stored = await states.get(address);
    return new DeviceFolders(
      address,
      stored?.version ?? 0,
      stored === undefined ? undefined : decodeRecord(stored.value),
    );
  }

  /** A folder that the device knows by its CollectionId. */
  byId(id: string): DeviceFolder | undefined {
    return this.record?.current.find((folder) => folder.id === id);
  }

  /** The same by the account's key; undefined until FolderSync told it. */
  byKey(key: string): DeviceFolder | undefined {
    return this.record?.current.find((folder) => folder.key === key);
  }

  /** Whether the device must ask for the folders again. */
  async isOutdated(account: Account): Promise<boolean> {
    if (this.record === undefined) return true;
    const { tree } = treeOf(this.record, await account.folders());
    return !isEmptyDifference(compareTrees(this.record.current, tree));
  }

  /** For `DeviceStates.put`. */
  change(record: FolderRecord): StateChange {
    return { ...this.#address, expected: this.version, value: encodeRecord(record) };
  }
}
