/**
 * Sync: MS-ASCMD §2.2.1.21. Each collection on its own, all stored together when the answer is written, so that a device
 * that two gateways serve gets one answer. Without news the answer is an empty 200, or the request is held until there is.
 */
import type { Account } from "../account/port.ts";
import { AccountError } from "../account/port.ts";
import type { Command, EasAnswer, EasRequest } from "../command.ts";
import type { GivenResponse } from "../cursor/collection-record.ts";
import { printItemId } from "../folders/server-id.ts";
import { DeviceFolders } from "../folders/device-folders.ts";
import type { StateAddress, StateChange } from "../state/port.ts";
import { EasRefusal } from "../status.ts";
import {
  type CollectionOutcome,
  type CollectionParts,
  MAX_ANSWER_BYTES,
} from "../sync/collection-outcome.ts";
import { syncCollection } from "../sync/collection-sync.ts";
import { failedCollection } from "../sync/failed-collection.ts";
import { complete, rememberChange, rememberedAddress } from "../sync/remembered.ts";
import { refusalOfSync, syncAnswer, type UnwritableItem } from "../sync/sync-answer.ts";
import {
  type CollectionRequest,
  readSyncRequest,
  SyncRefusal,
  type SyncRequest,
} from "../sync/sync-request.ts";
import { SyncStatus } from "../sync/sync-tags.ts";
import { Wake } from "../sync/wake.ts";
import type { CommandServices } from "./services.ts";

/** Two gateways with one device: whoever stored first wins, the other answers what was stored. */
const MAX_LOST_RACES = 4;
/** Operations of a request without a WindowSize of the whole. */
const UNBOUNDED = Number.MAX_SAFE_INTEGER;
/** Versions before this cannot say "nothing" with an empty answer. */
const EMPTY_ANSWERS_SINCE = 121;
const LEAVES_OUT_SINCE = 140;

type Remember = (attempt: number) => Promise<StateChange | undefined>;
const forgetful = (): Promise<undefined> => Promise.resolve(undefined);

export function sync(services: CommandServices): Command {
  return {
    name: "Sync",
    async run(request) {
      try {
        return await new SyncRun(request, services).run();
      } catch (error) {
        if (error instanceof SyncRefusal) return refusalOfSync(error);
        throw error;
      }
    },
  };
}

class SyncRun {
  readonly #request: EasRequest;
  readonly #services: CommandServices;
  /** Errors by ServerId, of items that could be prepared but not written. */
  readonly #unwritable = new Map<string, unknown>();

  constructor(request: EasRequest, services: CommandServices) {
    this.#request = request;
    this.#services = services;
  }

  async run(): Promise<EasAnswer> {
    const { root, states, device } = this.#request;
    const { settings } = this.#services;
    const given =
      root === undefined
        ? undefined
        : readSyncRequest(root, {
            minHeartbeatMs: settings.minHeartbeatMs,
            maxHeartbeatMs: settings.maxHeartbeatMs,
          });
    const address = rememberedAddress(device.userId, device.deviceId);
    const needsLast = given === undefined || given.isPartial || given.collections.length > 0;
    const last = needsLast ? await states.get(address) : undefined;
    const asked = complete(given, last);
    if (asked.collections.length === 0) {
      throw new SyncRefusal(SyncStatus.protocolError, "no collection is named");
    }
    const first = await this.#answer(asked, async (attempt) =>
      rememberChange(address, asked, attempt === 0 ? last : await states.get(address)),
    );
    if (first !== undefined) return first;
    return asked.waitMs === undefined ? this.#nothing(asked) : this.#hold(asked, asked.waitMs);
  }

  /** No news. */
  async #nothing(asked: SyncRequest): Promise<EasAnswer> {
    const { version } = this.#request;
    if (version >= EMPTY_ANSWERS_SINCE) return { kind: "empty" };
    const done = await this.#attempt(asked, forgetful, new Map(), true);
    return done?.answer ?? { kind: "empty" };
  }

  /** Undefined = no news. */
  async #answer(asked: SyncRequest, remember: Remember): Promise<EasAnswer | undefined> {
    const doneBefore = new Map<string, GivenResponse[]>();
    for (let attempt = 0; attempt < MAX_LOST_RACES; attempt++) {
      const done = await this.#attempt(asked, () => remember(attempt), doneBefore);
      if (done !== undefined) return done.answer;
    }
    throw new EasRefusal("server_error_retry_later", "other requests of this device came in between");
  }

  /** No answer when there is no news; "again" when an item could not be written, which is left out then. */
  #write(outcomes: readonly CollectionOutcome[], always: boolean): EasAnswer | "again" | undefined {
    const { version } = this.#request;
    if (!always && outcomes.every(({ isNews }) => !isNews)) return undefined;
    const told = version >= LEAVES_OUT_SINCE ? outcomes.filter(({ isNews }) => isNews) : outcomes;
    const unwritable: UnwritableItem[] = [];
    const answer = syncAnswer(
      told.map((outcome) => outcome.answer),
      version,
      unwritable,
    );
    for (const { collectionId, uid, error } of unwritable) {
      this.#unwritable.set(printItemId(collectionId, uid), error);
    }
    return unwritable.length > 0 ? "again" : answer;
  }

  /** Undefined when somebody else stored something meanwhile, or the answer could not be written. */
  async #attempt(
    asked: SyncRequest,
    remember: () => Promise<StateChange | undefined>,
    doneBefore: Map<string, GivenResponse[]>,
    always = false,
  ): Promise<{ readonly answer: EasAnswer | undefined } | undefined> {
    const { states, device } = this.#request;
    const addresses = asked.collections.map(({ collectionId }): StateAddress => ({
      userId: device.userId,
      deviceId: device.deviceId,
      kind: "collection",
      key: collectionId,
    }));
    const [folders, ...stored] = await Promise.all([
      DeviceFolders.load(states, device),
      ...addresses.map((address) => states.get(address)),
    ]);
    const outcomes: CollectionOutcome[] = [];
    let room = asked.windowSize ?? UNBOUNDED;
    let budgetBytes = MAX_ANSWER_BYTES;
    for (const [at, collection] of asked.collections.entries()) {
      const outcome = await this.#collection({
        asked: collection,
        folder: folders.byId(collection.collectionId),
        stored: stored[at],
        address: addresses[at]!,
        window: Math.min(this.#window(collection), room),
        budgetBytes,
        doneBefore: doneBefore.get(collection.collectionId) ?? [],
        unwritable: this.#unwritable,
        request: this.#request,
        services: this.#services,
      });
      outcomes.push(outcome);
      room -= Math.min(room, outcome.operations);
      budgetBytes = Math.max(0, budgetBytes - outcome.bytes);
      const responses = outcome.answer.responses.map(
        ({ command, id, digest, status, uid }): GivenResponse => ({ command, id, digest, status, uid }),
      );
      if (responses.length > 0) doneBefore.set(collection.collectionId, responses);
    }
    // Written before it is stored: an item that cannot be written must not count as sent.
    const answer = this.#write(outcomes, always);
    if (answer === "again") return undefined;
    const remembered = await remember();
    const changes = outcomes.flatMap(({ change }) => change ?? []);
    if (remembered !== undefined) changes.push(remembered);
    return (await states.put(changes)) ? { answer } : undefined;
  }

  #window({ windowSize }: CollectionRequest): number {
    const { settings } = this.#services;
    return Math.min(windowSize ?? settings.windowSize, settings.maxWindowSize);
  }

  /** A folder that cannot be asked for now does not stop the others (S2.81). */
  async #collection(parts: CollectionParts): Promise<CollectionOutcome> {
    try {
      return await syncCollection(parts);
    } catch (error) {
      if (!(error instanceof AccountError)) throw error;
      this.#request.log.warn("collection not synced", { collection: parts.asked.collectionId, err: error });
      return failedCollection(parts, error);
    }
  }

  /** Nothing waits but a listener and a timer. */
  async #hold(asked: SyncRequest, waitMs: number): Promise<EasAnswer> {
    const { account, device, states, signal } = this.#request;
    const { clock } = this.#services;
    const endMs = clock.monotonicMs() + waitMs;
    const folders = await DeviceFolders.load(states, device);
    const keys = asked.collections.flatMap(({ collectionId }) => folders.byId(collectionId)?.key ?? []);
    const wake = await Wake.watch(account, keys);
    // What was asked is done; when the request goes on, only changes are looked for.
    const again = { ...asked, collections: asked.collections.map(withoutCommands) };
    try {
      for (;;) {
        if (wake.takeHints().has(undefined) && (await this.#treeChanged(account))) {
          throw new SyncRefusal(SyncStatus.hierarchyChanged, "the folders have changed");
        }
        const answer = await this.#answer(again, forgetful);
        if (answer !== undefined) return answer;
        const reason = await this.#request.hold(() => wake.sleep(clock, endMs - clock.monotonicMs(), signal));
        if (reason !== "news") return { kind: "empty" };
      }
    } finally {
      wake.close();
    }
  }

  async #treeChanged(account: Account): Promise<boolean> {
    const { states, device } = this.#request;
    return (await DeviceFolders.load(states, device)).isOutdated(account);
  }
}

function withoutCommands(collection: CollectionRequest): CollectionRequest {
  return { ...collection, commands: [], options: undefined };
}
