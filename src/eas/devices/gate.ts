/**
 * May this device be served, now? Wipes come before everything, then the device's access, then its policy
 * (MS-ASPROV §3.1.5.1, MS-ASHTTP §3.1.5.2.1: 449).
 */
import type { Log } from "../../base/log.ts";
import type { EasSettings } from "../options.ts";
import type { Policy } from "../policy/policy.ts";
import type { Device, DeviceStates } from "../state/port.ts";
import { EasRefusal } from "../status.ts";
import { printVersion, type ProtocolVersion } from "../version.ts";
import { DeviceRules } from "./rules.ts";

/** When the time of last use is written again: an empty Sync writes nothing. */
const TOUCH_AFTER_MS = 3_600_000;
/** These tell the server about the device or fetch the policy itself. */
const WITHOUT_POLICY: ReadonlySet<string> = new Set(["Provision", "Settings"]);

export interface GateRequest {
  readonly userId: string;
  readonly deviceId: string;
  readonly deviceType: string;
  readonly userAgent: string;
  readonly command: string;
  readonly version: ProtocolVersion;
  readonly policyKey: number;
}

export class DeviceGate {
  readonly #states: DeviceStates;
  readonly #policy: Policy;
  readonly #settings: EasSettings;
  readonly #rules: DeviceRules;
  readonly #nowMs: () => number;
  readonly #blockedUsers: ReadonlySet<string>;

  constructor(parts: {
    readonly states: DeviceStates;
    readonly policy: Policy;
    readonly settings: EasSettings;
    readonly nowMs: () => number;
  }) {
    this.#states = parts.states;
    this.#policy = parts.policy;
    this.#settings = parts.settings;
    this.#nowMs = parts.nowMs;
    this.#rules = new DeviceRules(parts.settings.deviceRules, parts.settings.unknownDevices);
    this.#blockedUsers = new Set(parts.settings.blockedUsers.map((name) => name.toLowerCase()));
  }

  /** @param addresses all names by which the user may be blocked @throws EasRefusal */
  async admit(request: GateRequest, addresses: readonly string[], log: Log): Promise<Device> {
    if ([request.userId, ...addresses].some((name) => this.#blockedUsers.has(name.toLowerCase()))) {
      throw new EasRefusal("user_disabled_for_sync", "the user is blocked");
    }
    const device = await this.#know(request, log);
    if (device.wipe !== "none") {
      if (request.command === "Provision") return device;
      throw new EasRefusal("remote_wipe_requested", "the device is to be wiped");
    }
    if (device.access !== "allowed") {
      throw new EasRefusal(
        "device_blocked",
        device.access === "blocked" ? "the device is blocked" : "the device waits for an administrator",
      );
    }
    if (this.#policy.required && !WITHOUT_POLICY.has(request.command)) this.#checkPolicy(device, request);
    return device;
  }

  #checkPolicy(device: Device, { policyKey }: GateRequest): void {
    if (device.policyKey === 0)
      throw new EasRefusal("device_not_provisioned", "the device has not taken the policy");
    if (policyKey !== device.policyKey) {
      throw policyKey === 0
        ? new EasRefusal("device_not_provisioned", "the device sends no policy key")
        : new EasRefusal("invalid_policy_key", "the policy key is another one");
    }
    if (!this.#policy.isCurrent(policyKey)) throw new EasRefusal("policy_refresh", "the policy has changed");
  }

  async #know(request: GateRequest, log: Log): Promise<Device> {
    const { userId, deviceId, deviceType, userAgent } = request;
    const known = await this.#states.device(userId, deviceId);
    const lastVersion = printVersion(request.version);
    if (known === undefined) await this.#checkCount(userId);
    const isStale =
      known === undefined ||
      known.userAgent !== userAgent ||
      known.deviceType !== deviceType ||
      this.#nowMs() - known.lastSeenAtMs > TOUCH_AFTER_MS;
    const access = this.#rules.accessOf(request);
    const device = isStale
      ? await this.#states.touchDevice({ userId, deviceId, deviceType, userAgent }, access)
      : known;
    if (known === undefined) {
      log.info("new device", { device: deviceId, type: deviceType, agent: userAgent, access: device.access });
    }
    if (device.lastVersion === lastVersion) return device;
    return (await this.#states.updateDevice(userId, deviceId, { lastVersion })) ?? device;
  }

  async #checkCount(userId: string): Promise<void> {
    const devices = await this.#states.devices(userId);
    if (devices.length >= this.#settings.maxDevices) {
      throw new EasRefusal("maximum_devices_reached", `the user has ${devices.length} devices`);
    }
  }
}
