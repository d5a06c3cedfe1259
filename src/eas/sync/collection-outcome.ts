/** What comes of one collection of a Sync request. */
import type { ItemState } from "../account/port.ts";
import type { EasRequest } from "../command.ts";
import { classNamed, type CommandServices } from "../commands/services.ts";
import type { GivenResponse } from "../cursor/collection-record.ts";
import type { DeviceFolder } from "../folders/folder-record.ts";
import type { ItemClass, ItemContext } from "../item-class.ts";
import type { StateAddress, StateChange, StateRecord } from "../state/port.ts";
import type { CommandResponse } from "./device-commands.ts";
import type { ReadyItem } from "./prepare-items.ts";
import type { CollectionRequest } from "./sync-request.ts";

/** Items of one answer, by estimate; more wait for the next. */
export const MAX_ANSWER_BYTES = 8 * 2 ** 20;

/** What is written about a collection. */
export interface CollectionAnswer {
  readonly collectionId: string;
  readonly className: string;
  readonly syncKey: string;
  readonly status: number;
  readonly responses: readonly CommandResponse[];
  readonly fetched: readonly FetchedItem[];
  readonly deletes: readonly number[];
  readonly softDeletes: readonly number[];
  readonly changes: readonly ItemState[];
  readonly adds: readonly ReadyItem[];
  readonly more: boolean;
  readonly itemClass: ItemClass;
  readonly context: ItemContext;
}

export interface FetchedItem {
  readonly serverId: string;
  /** Undefined when it is not there. */
  readonly item: ReadyItem | undefined;
}

export interface CollectionOutcome {
  /** Something must be said: a new key, an error, an item that was fetched. */
  readonly isNews: boolean;
  readonly answer: CollectionAnswer;
  readonly change: StateChange | undefined;
  readonly operations: number;
  readonly bytes: number;
}

export interface CollectionParts {
  readonly request: EasRequest;
  readonly services: CommandServices;
  readonly asked: CollectionRequest;
  readonly folder: DeviceFolder | undefined;
  readonly stored: StateRecord | undefined;
  readonly address: StateAddress;
  readonly window: number;
  readonly budgetBytes: number;
  /** Answers given in an attempt that lost against another gateway. */
  readonly doneBefore: readonly GivenResponse[];
  /** Errors by ServerId, of items that an attempt before could not write. */
  readonly unwritable: ReadonlyMap<string, unknown>;
}

/** Nothing but a status; also the answer to key 0. */
export function refusedCollection(
  { asked, services, request }: CollectionParts,
  status: number,
  syncKey: string,
): CollectionOutcome {
  const itemClass = classNamed(services, "Email");
  const { collectionId } = asked;
  const options = itemClass.readOptions(undefined, request.version);
  return {
    isNews: true,
    answer: {
      collectionId,
      className: itemClass.name,
      syncKey,
      status,
      responses: [],
      fetched: [],
      deletes: [],
      softDeletes: [],
      changes: [],
      adds: [],
      more: false,
      itemClass,
      context: { version: request.version, account: request.account, options, collectionId },
    },
    change: undefined,
    operations: 0,
    bytes: 0,
  };
}
