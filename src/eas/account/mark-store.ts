/** Marks of messages in the gateway's state: one record for each folder of a user, whatever device made them. */
import { createHash } from "node:crypto";
import type { Uid } from "../../base/numbers.ts";
import type { DeviceStates, StateAddress } from "../state/port.ts";
import { decodeMarks, encodeMarks, type ItemMarks } from "./item-marks.ts";
import { AccountError } from "./port.ts";

/** Messages with marks in one folder; the ones that were marked longest ago are forgotten first. */
const MAX_MARKED = 500;
/** Other gateways may write the same record. */
const MAX_ATTEMPTS = 5;
/** Not a device's: no device has an empty name. */
const EVERY_DEVICE = "";

export interface MarkPlace {
  readonly userId: string;
  readonly folderKey: string;
  /** Marks of another epoch mean other messages. */
  readonly epoch: string;
}
export type FolderMarks = ReadonlyMap<number, ItemMarks>;

export class MarkStore {
  readonly #states: Pick<DeviceStates, "get" | "put">;

  constructor(states: Pick<DeviceStates, "get" | "put">) {
    this.#states = states;
  }

  async read(place: MarkPlace): Promise<FolderMarks> {
    const record = await this.#states.get(addressOf(place));
    return record === undefined ? new Map<number, ItemMarks>() : decode(record.value, place.epoch);
  }

  /** Marks take the place of those that are there. @throws AccountError unavailable */
  async change(place: MarkPlace, changes: ReadonlyMap<Uid, ItemMarks>): Promise<void> {
    const address = addressOf(place);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const record = await this.#states.get(address);
      const marks = new Map(record === undefined ? [] : decode(record.value, place.epoch));
      for (const [uid, changed] of changes) {
        marks.delete(uid);
        if (encodeMarks(changed) !== undefined) marks.set(uid, changed);
      }
      const value = marks.size === 0 ? undefined : encode(marks, place.epoch);
      if (record === undefined && value === undefined) return;
      const change = { ...address, expected: record?.version ?? 0, value };
      if (await this.#states.put([change])) return;
    }
    throw new AccountError("unavailable", "the marks of the folder are written by others all the time");
  }
}

function addressOf({ userId, folderKey }: MarkPlace): StateAddress {
  const key = createHash("sha256").update(folderKey).digest("hex");
  return { userId, deviceId: EVERY_DEVICE, kind: "marks", key };
}

/** `[epoch, [uid, marks], …]`, oldest first. */
function encode(marks: FolderMarks, epoch: string): Buffer {
  const kept = [...marks].slice(-MAX_MARKED).map(([uid, one]) => [uid, encodeMarks(one)?.toString() ?? ""]);
  return Buffer.from(JSON.stringify([epoch, ...kept]));
}

function decode(value: Buffer, epoch: string): Map<number, ItemMarks> {
  const [storedEpoch, ...rows] = JSON.parse(value.toString("utf8")) as [string, ...[number, string][]];
  if (storedEpoch !== epoch) return new Map<number, ItemMarks>();
  return new Map(rows.map(([uid, text]) => [uid, decodeMarks(Buffer.from(text))]));
}
