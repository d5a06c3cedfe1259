/**
 * States whose database is opened when they are first asked for, and again after it could not be had: a node starts, and
 * serves everything else, while the database of the devices is away.
 */
import type { DeviceStates } from "./port.ts";

export class LazyStates implements DeviceStates {
  readonly #open: () => Promise<DeviceStates>;

  /** @param open answers the same states each time, or rejects */
  constructor(open: () => Promise<DeviceStates>) {
    this.#open = open;
  }

  async get(...values: Parameters<DeviceStates["get"]>): ReturnType<DeviceStates["get"]> {
    return (await this.#open()).get(...values);
  }
  async list(...values: Parameters<DeviceStates["list"]>): ReturnType<DeviceStates["list"]> {
    return (await this.#open()).list(...values);
  }
  async put(...values: Parameters<DeviceStates["put"]>): ReturnType<DeviceStates["put"]> {
    return (await this.#open()).put(...values);
  }
  async remember(...values: Parameters<DeviceStates["remember"]>): ReturnType<DeviceStates["remember"]> {
    return (await this.#open()).remember(...values);
  }
  async forget(...values: Parameters<DeviceStates["forget"]>): ReturnType<DeviceStates["forget"]> {
    return (await this.#open()).forget(...values);
  }
  async device(...values: Parameters<DeviceStates["device"]>): ReturnType<DeviceStates["device"]> {
    return (await this.#open()).device(...values);
  }
  async touchDevice(
    ...values: Parameters<DeviceStates["touchDevice"]>
  ): ReturnType<DeviceStates["touchDevice"]> {
    return (await this.#open()).touchDevice(...values);
  }
  async updateDevice(
    ...values: Parameters<DeviceStates["updateDevice"]>
  ): ReturnType<DeviceStates["updateDevice"]> {
    return (await this.#open()).updateDevice(...values);
  }
  async devices(...values: Parameters<DeviceStates["devices"]>): ReturnType<DeviceStates["devices"]> {
    return (await this.#open()).devices(...values);
  }
  async resetDevice(
    ...values: Parameters<DeviceStates["resetDevice"]>
  ): ReturnType<DeviceStates["resetDevice"]> {
    return (await this.#open()).resetDevice(...values);
  }
  async removeDevice(
    ...values: Parameters<DeviceStates["removeDevice"]>
  ): ReturnType<DeviceStates["removeDevice"]> {
    return (await this.#open()).removeDevice(...values);
  }
  async expire(...values: Parameters<DeviceStates["expire"]>): ReturnType<DeviceStates["expire"]> {
    return (await this.#open()).expire(...values);
  }
  /** Whoever opens the database closes it. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}
