import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../base/log.ts";
import type { TraceFiles } from "../eas/devices/trace.ts";

/** A file for each device that is traced: `eas-trace/alice/ABC123.log` in the data folder. Mail is in it: its owner's alone. */
export class DeviceTraces implements TraceFiles {
  readonly #folder: string;
  readonly #maxBytes: number;
  readonly #log: Log;

  constructor(dataFolder: string, maxBytes: number, log: Log) {
    this.#folder = join(dataFolder, "eas-trace");
    this.#maxBytes = maxBytes;
    this.#log = log;
  }

  /** Blocks for a moment: a device is traced for minutes, by hand. */
  append(userId: string, deviceId: string, text: string): void {
    const path = this.pathOf(userId, deviceId);
    try {
      mkdirSync(join(path, ".."), { recursive: true });
      const length = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
      writeFileSync(path, text, { flag: length + text.length > this.#maxBytes ? "w" : "a" });
      chmodSync(path, 0o600);
    } catch (error) {
      this.#log.error("trace not written", { path, err: error });
    }
  }

  pathOf(userId: string, deviceId: string): string {
    // Neither can leave the folder.
    const name = (part: string): string => encodeURIComponent(part).replaceAll(".", "%2E");
    return join(this.#folder, name(userId), `${name(deviceId)}.log`);
  }

  /** Undefined when there is none. */
  read(userId: string, deviceId: string): string | undefined {
    try {
      return readFileSync(this.pathOf(userId, deviceId), "utf8");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw error;
    }
  }

  remove(userId: string, deviceId: string): void {
    rmSync(this.pathOf(userId, deviceId), { force: true });
  }
}
