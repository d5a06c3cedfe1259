/** The two keys of a device's provisioning: offered, then taken. Survives repeated requests and lost answers. */
import type { Random } from "../../base/io/random.ts";
import type { DeviceStates, StateAddress } from "../state/port.ts";
import { EasRefusal } from "../status.ts";
import type { Policy } from "./policy.ts";

interface Offer {
  /** Temporary key. */
  readonly offered: number;
  /** The final one that it was acknowledged with; 0 = not yet. */
  readonly taken: number;
}

/** Two requests of one device at two gateways at one time; more is no accident. */
const MAX_TRIES = 5;

export class PolicyKeys {
  readonly #states: DeviceStates;
  readonly #random: Random;
  readonly #policy: Policy;
  readonly #address: StateAddress;

  constructor(
    states: DeviceStates,
    random: Random,
    policy: Policy,
    device: { readonly userId: string; readonly deviceId: string },
  ) {
    this.#states = states;
    this.#random = random;
    this.#policy = policy;
    this.#address = { userId: device.userId, deviceId: device.deviceId, kind: "policy", key: "" };
  }

  /** A temporary key: the same until it is acknowledged or the policy changes. */
  async offer(): Promise<number> {
    const result = await this.#change((offer) =>
      offer !== undefined && offer.taken === 0 && this.#policy.isCurrent(offer.offered)
        ? offer
        : { offered: this.#newKey(offer), taken: 0 },
    );
    return result?.offered ?? 0;
  }

  /** The final key; undefined when the temporary one is not the one that was offered. */
  async acknowledge(key: number): Promise<number | undefined> {
    const result = await this.#change((offer) => {
      if (offer === undefined || offer.offered !== key || !this.#policy.isCurrent(key)) return undefined;
      return offer.taken === 0 ? { ...offer, taken: this.#newKey(offer) } : offer;
    });
    if (result === undefined) return undefined;
    const { userId, deviceId } = this.#address;
    await this.#states.updateDevice(userId, deviceId, { policyKey: result.taken });
    return result.taken;
  }

  async #change(decide: (offer: Offer | undefined) => Offer | undefined): Promise<Offer | undefined> {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const record = await this.#states.get(this.#address);
      const before = record === undefined ? undefined : (JSON.parse(record.value.toString("utf8")) as Offer);
      const after = decide(before);
      if (after === undefined || after === before) return after;
      const value = Buffer.from(JSON.stringify(after), "utf8");
      if (await this.#states.put([{ ...this.#address, expected: record?.version ?? 0, value }])) return after;
    }
    throw new EasRefusal("server_error_retry_later", "the device provisions at several places at once");
  }

  /** Differs from the one before, so that a temporary key is never taken for a final one. */
  #newKey(offer: Offer | undefined): number {
    for (;;) {
      const key = this.#policy.makeKey(this.#random);
      if (key !== offer?.offered && key !== offer?.taken) return key;
    }
  }
}
