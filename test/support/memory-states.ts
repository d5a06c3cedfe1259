/** What the gateway remembers, in a Map: for tests of the frame, which want no database. */
import type {
  Device,
  DeviceAccess,
  DeviceChanges,
  DeviceStates,
  StateAddress,
  StateChange,
  StateKind,
  StateRecord,
} from "../../src/eas/state/port.ts";

const address = ({ userId, deviceId, kind, key }: StateAddress): string =>
  [userId, deviceId, kind, key].join("\n");

export class MemoryStates implements DeviceStates {
  readonly #records = new Map<string, StateRecord>();
  readonly #devices = new Map<string, Device>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = () => 0) {
    this.#nowMs = nowMs;
  }

  get(of: StateAddress): Promise<StateRecord | undefined> {
    return Promise.resolve(this.#records.get(address(of)));
  }

  list(
    userId: string,
    deviceId: string,
    kind: StateKind,
  ): Promise<readonly (StateRecord & { readonly key: string })[]> {
    const start = address({ userId, deviceId, kind, key: "" });
    const found = [...this.#records].filter(([name]) => name.startsWith(start));
    return Promise.resolve(found.map(([name, record]) => ({ ...record, key: name.slice(start.length) })));
  }

  put(changes: readonly StateChange[]): Promise<boolean> {
    const fits = changes.every(
      (change) => (this.#records.get(address(change))?.version ?? 0) === change.expected,
    );
    if (!fits) return Promise.resolve(false);
    for (const change of changes) {
      const { value, expected } = change;
      if (value === undefined) this.#records.delete(address(change));
      else this.#records.set(address(change), { version: expected + 1, value });
    }
    return Promise.resolve(true);
  }

  remember(of: StateAddress): Promise<boolean> {
    if (this.#records.has(address(of))) return Promise.resolve(false);
    this.#records.set(address(of), { version: 1, value: Buffer.alloc(0) });
    return Promise.resolve(true);
  }

  forget(of: StateAddress): Promise<void> {
    this.#records.delete(address(of));
    return Promise.resolve();
  }

  device(userId: string, deviceId: string): Promise<Device | undefined> {
    return Promise.resolve(this.#devices.get(`${userId}\n${deviceId}`));
  }

  touchDevice(
    device: Pick<Device, "userId" | "deviceId" | "deviceType" | "userAgent">,
    access: DeviceAccess,
  ): Promise<Device> {
    const key = `${device.userId}\n${device.deviceId}`;
    const nowMs = this.#nowMs();
    const made: Device = {
      access,
      policyKey: 0,
      wipe: "none",
      wipedAtMs: 0,
      tracing: false,
      information: {},
      lastVersion: "",
      createdAtMs: nowMs,
      ...this.#devices.get(key),
      ...device,
      lastSeenAtMs: nowMs,
    };
    this.#devices.set(key, made);
    return Promise.resolve(made);
  }

  updateDevice(
    userId: string,
    deviceId: string,
    changes: Partial<DeviceChanges>,
  ): Promise<Device | undefined> {
    const key = `${userId}\n${deviceId}`;
    const device = this.#devices.get(key);
    if (device === undefined) return Promise.resolve(device);
    const changed = { ...device, ...changes };
    this.#devices.set(key, changed);
    return Promise.resolve(changed);
  }

  devices(userId: string | undefined): Promise<readonly Device[]> {
    const all = [...this.#devices.values()];
    return Promise.resolve(userId === undefined ? all : all.filter((device) => device.userId === userId));
  }

  resetDevice(userId: string, deviceId: string): Promise<void> {
    for (const name of this.#records.keys()) {
      if (name.startsWith(`${userId}\n${deviceId}\n`)) this.#records.delete(name);
    }
    return Promise.resolve();
  }

  async removeDevice(userId: string, deviceId: string): Promise<boolean> {
    await this.resetDevice(userId, deviceId);
    return this.#devices.delete(`${userId}\n${deviceId}`);
  }

  expire(): Promise<number> {
    return Promise.resolve(0);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
