/**
 * Ping: MS-ASCMD §2.2.1.13. Held until a folder has changes, without a thread and without looking: hints of the account
 * wake it, and then only the folders they name are compared with what the device has.
 */
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import { AccountError } from "../account/port.ts";
import type { Command, EasAnswer, EasRequest } from "../command.ts";
import { CollectionRecord } from "../cursor/collection-record.ts";
import { sinceOf } from "../cursor/filter-since.ts";
import { isStale, planBatch } from "../cursor/plan.ts";
import { DeviceFolders } from "../folders/device-folders.ts";
import type { Element } from "../element.ts";
import type { StateAddress, StateRecord } from "../state/port.ts";
import { MAX_COLLECTIONS } from "../sync/sync-request.ts";
import { Wake } from "../sync/wake.ts";
import type { CommandServices } from "./services.ts";

const tags = {
  ping: tagOf("Ping:Ping"),
  status: tagOf("Ping:Status"),
  heartbeat: tagOf("Ping:HeartbeatInterval"),
  folders: tagOf("Ping:Folders"),
  folder: tagOf("Ping:Folder"),
  id: tagOf("Ping:Id"),
  maxFolders: tagOf("Ping:MaxFolders"),
} as const;

/** MS-ASCMD §2.2.3.177.12. */
const Status = {
  expired: 1,
  changes: 2,
  incomplete: 3,
  syntaxError: 4,
  badHeartbeat: 5,
  tooManyFolders: 6,
  hierarchyChanged: 7,
} as const;

interface PingParameters {
  readonly heartbeatMs: number;
  readonly folderIds: readonly string[];
}

export function ping(services: CommandServices): Command {
  return {
    name: "Ping",
    async run(request) {
      const read = await readParameters(request, services);
      return "kind" in read ? read : await new PingRun(request, services, read).run();
    },
  };
}

/** What an element leaves out is as in the Ping before: MS-ASCMD §2.2.3.131. */
async function readParameters(
  request: EasRequest,
  { settings }: CommandServices,
): Promise<PingParameters | EasAnswer> {
  const { root, states, device } = request;
  const { userId, deviceId } = device;
  const address: StateAddress = { userId, deviceId, kind: "parameters", key: "ping" };
  const stored = await states.get(address);
  const last =
    stored === undefined ? undefined : (JSON.parse(stored.value.toString("utf8")) as PingParameters);
  if (root !== undefined && root.tag !== tags.ping) return answer(Status.syntaxError);
  const folderIds = root === undefined ? undefined : readFolders(root);
  if (folderIds === "bad") return answer(Status.syntaxError);
  if (folderIds !== undefined && folderIds.length > MAX_COLLECTIONS) {
    return answer(Status.tooManyFolders, [], { tag: tags.maxFolders, value: MAX_COLLECTIONS });
  }
  const seconds = root?.numberOf(tags.heartbeat);
  const parameters = {
    heartbeatMs: seconds === undefined ? last?.heartbeatMs : seconds * 1000,
    folderIds: folderIds ?? last?.folderIds,
  };
  const { heartbeatMs, folderIds: ids } = parameters;
  if (heartbeatMs === undefined || ids === undefined || ids.length === 0) return answer(Status.incomplete);
  const { minHeartbeatMs, maxHeartbeatMs } = settings;
  if (heartbeatMs < minHeartbeatMs || heartbeatMs > maxHeartbeatMs) {
    const nearest = heartbeatMs < minHeartbeatMs ? minHeartbeatMs : maxHeartbeatMs;
    return answer(Status.badHeartbeat, [], { tag: tags.heartbeat, value: Math.floor(nearest / 1000) });
  }
  const value = { heartbeatMs, folderIds: ids };
  await remember(request, address, stored, value);
  return value;
}

function readFolders(root: Element): readonly string[] | "bad" | undefined {
  const folders = root.child(tags.folders)?.all(tags.folder);
  if (folders === undefined || folders.length === 0) return undefined;
  const ids = folders.map((folder) => folder.textOf(tags.id));
  return ids.includes(undefined) ? "bad" : [...new Set(ids as string[])];
}

/** Written only when it differs; another gateway that was faster is as good. */
async function remember(
  { states }: EasRequest,
  address: StateAddress,
  stored: StateRecord | undefined,
  parameters: PingParameters,
): Promise<void> {
  const value = Buffer.from(JSON.stringify(parameters));
  if (stored?.value.equals(value) === true) return;
  await states.put([{ ...address, expected: stored?.version ?? 0, value }]);
}

class PingRun {
  readonly #request: EasRequest;
  readonly #services: CommandServices;
  readonly #parameters: PingParameters;

  constructor(request: EasRequest, services: CommandServices, parameters: PingParameters) {
    this.#request = request;
    this.#services = services;
    this.#parameters = parameters;
  }

  async run(): Promise<EasAnswer> {
    const { account, signal } = this.#request;
    const { clock } = this.#services;
    const endMs = clock.monotonicMs() + this.#parameters.heartbeatMs;
    const keys = await this.#folderKeys();
    if (keys === undefined) return answer(Status.hierarchyChanged);
    const wake = await Wake.watch(account, [...keys.keys()]);
    try {
      let hints: ReadonlySet<string | undefined> = new Set([undefined, ...keys.keys()]);
      for (;;) {
        if (hints.has(undefined) && (await this.#isTreeOutdated())) return answer(Status.hierarchyChanged);
        const changed = await this.#changedFolders(keys, hints);
        if (changed.length > 0) return answer(Status.changes, changed);
        const reason = await this.#request.hold(() => wake.sleep(clock, endMs - clock.monotonicMs(), signal));
        if (reason !== "news") return answer(Status.expired);
        hints = wake.takeHints();
      }
    } finally {
      wake.close();
    }
  }

  /** CollectionIds by the account's keys; undefined when the device names one that is not in its tree. */
  async #folderKeys(): Promise<Map<string, string> | undefined> {
    const folders = await DeviceFolders.load(this.#request.states, this.#request.device);
    const keys = new Map<string, string>();
    for (const id of this.#parameters.folderIds) {
      const folder = folders.byId(id);
      if (folder === undefined) return undefined;
      keys.set(folder.key, id);
    }
    return keys;
  }

  async #isTreeOutdated(): Promise<boolean> {
    const { states, device, account } = this.#request;
    return (await DeviceFolders.load(states, device)).isOutdated(account);
  }

  async #changedFolders(
    keys: ReadonlyMap<string, string>,
    hints: ReadonlySet<string | undefined>,
  ): Promise<string[]> {
    const changed: string[] = [];
    for (const [key, id] of keys) {
      if (hints.has(key) && (await this.#hasChanges(key, id))) changed.push(id);
    }
    return changed;
  }

  /** Also true when a Sync is needed for another reason: never synced, UIDVALIDITY changed. */
  async #hasChanges(folderKey: string, id: string): Promise<boolean> {
    const { states, device, account } = this.#request;
    const { userId, deviceId } = device;
    const stored = await states.get({ userId, deviceId, kind: "collection", key: id });
    const record = stored === undefined ? undefined : CollectionRecord.decode(stored.value);
    if (record === undefined) return true;
    const { head } = record;
    const since = sinceOf(head.filterType, this.#services.clock.nowMs());
    try {
      const collection = await account.openMail(folderKey);
      try {
        if (head.epoch !== collection.epoch) return true;
        if (head.quiet?.modseq === collection.highestModseq && head.quiet.since === since) return false;
        const { cursor } = record;
        if (isStale(cursor, collection)) return true;
        return (await planBatch(cursor, collection, { since, window: 1 })).count > 0;
      } finally {
        collection.release();
      }
    } catch (error) {
      // Gone: the tree tells. Not to be asked now: the next hint or Ping asks again.
      if (error instanceof AccountError) return false;
      throw error;
    }
  }
}

function answer(
  status: number,
  folderIds: readonly string[] = [],
  extra?: { readonly tag: number; readonly value: number },
): EasAnswer {
  const writer = new WbxmlWriter().start(tags.ping).text(tags.status, status);
  if (folderIds.length > 0) {
    writer.start(tags.folders);
    for (const id of folderIds) writer.text(tags.folder, id);
    writer.end();
  }
  if (extra !== undefined) writer.text(extra.tag, extra.value);
  return { kind: "wbxml", bytes: writer.end().finish() };
}
