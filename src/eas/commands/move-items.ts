/**
 * MoveItems: MS-ASCMD §2.2.1.12. A repeated request gets the answer of the first: where an item went is remembered for the
 * last few, as many as one request can name.
 */
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import type { Uid } from "../../base/numbers.ts";
import { AccountError, PartlyMovedError } from "../account/port.ts";
import type { Command, EasAnswer, EasRequest } from "../command.ts";
import type { Element } from "../element.ts";
import { DeviceFolders } from "../folders/device-folders.ts";
import { parseItemId, printItemId } from "../folders/server-id.ts";
import type { DeviceStates, StateAddress, StateRecord } from "../state/port.ts";
import { EasRefusal } from "../status.ts";

const tags = {
  moveItems: tagOf("Move:MoveItems"),
  move: tagOf("Move:Move"),
  source: tagOf("Move:SrcMsgId"),
  sourceFolder: tagOf("Move:SrcFldId"),
  targetFolder: tagOf("Move:DstFldId"),
  target: tagOf("Move:DstMsgId"),
  response: tagOf("Move:Response"),
  status: tagOf("Move:Status"),
} as const;

/** MS-ASCMD §2.2.3.177.10. */
const Status = { sourceInvalid: 1, targetInvalid: 2, ok: 3, sameFolder: 4, failed: 5 } as const;

/** In one request; so many of a device are remembered. */
const MAX_MOVES = 2_000;

const MAX_LOST_RACES = 4;

interface Move {
  readonly source: string;
  readonly sourceFolder: string;
  readonly targetFolder: string;
}
interface Moved {
  readonly status: number;
  readonly target?: string;
}

export function moveItems(): Command {
  return {
    name: "MoveItems",
    async run(request) {
      const { root } = request;
      const elements = root?.tag === tags.moveItems ? root.all(tags.move) : [];
      if (elements.length === 0 || elements.length > MAX_MOVES) {
        throw new EasRefusal("invalid_xml", "MoveItems names no item, or too many");
      }
      return answer(await moveAll(request, elements.map(readMove)));
    },
  };
}

function readMove(element: Element): Move {
  return {
    source: element.textOf(tags.source) ?? "",
    sourceFolder: element.textOf(tags.sourceFolder) ?? "",
    targetFolder: element.textOf(tags.targetFolder) ?? "",
  };
}

async function moveAll(
  request: EasRequest,
  moves: readonly Move[],
): Promise<readonly (Moved & { readonly source: string })[]> {
  const { states, device } = request;
  const address: StateAddress = {
    userId: device.userId,
    deviceId: device.deviceId,
    kind: "parameters",
    key: "moves",
  };
  const [folders, stored] = await Promise.all([DeviceFolders.load(states, device), states.get(address)]);
  const remembered = new Map<string, string>(movesIn(stored));
  const results = new Map<Move, Moved>();
  const groups = new Map<string, Move[]>();
  for (const move of moves) {
    const refused = check(move, folders);
    if (refused !== undefined) results.set(move, { status: refused });
    else {
      const group = `${move.sourceFolder}\0${move.targetFolder}`;
      groups.set(group, [...(groups.get(group) ?? []), move]);
    }
  }
  const before = new Map(remembered);
  for (const group of groups.values()) await moveGroup(request, folders, group, remembered, results);
  const fresh = [...remembered].filter(([key, id]) => before.get(key) !== id);
  await remember(states, address, fresh, stored);
  return moves.map((move) => ({ source: move.source, ...results.get(move)! }));
}

/** Beside what another gateway wrote meanwhile. When it cannot be written at all, a repeated request finds items gone. */
async function remember(
  states: DeviceStates,
  address: StateAddress,
  fresh: readonly (readonly [string, string])[],
  stored: StateRecord | undefined,
): Promise<void> {
  let last = stored;
  for (let attempt = 0; fresh.length > 0 && attempt < MAX_LOST_RACES; attempt++) {
    const all = new Map(movesIn(last));
    for (const [key, id] of fresh) {
      // The newest are kept: what is moved again is new.
      all.delete(key);
      all.set(key, id);
    }
    const value = Buffer.from(JSON.stringify([...all].slice(-MAX_MOVES)));
    if (await states.put([{ ...address, expected: last?.version ?? 0, value }])) return;
    last = await states.get(address);
  }
}

function movesIn(stored: StateRecord | undefined): (readonly [string, string])[] {
  return stored === undefined ? [] : (JSON.parse(stored.value.toString("utf8")) as [string, string][]);
}

function check({ source, sourceFolder, targetFolder }: Move, folders: DeviceFolders): number | undefined {
  const id = parseItemId(source);
  if (id === undefined || id.collectionId !== sourceFolder) return Status.sourceInvalid;
  if (folders.byId(sourceFolder) === undefined) return Status.sourceInvalid;
  if (folders.byId(targetFolder) === undefined) return Status.targetInvalid;
  return sourceFolder === targetFolder ? Status.sameFolder : undefined;
}

/** All items with one source and one target folder: in one go. */
async function moveGroup(
  request: EasRequest,
  folders: DeviceFolders,
  moves: readonly Move[],
  remembered: Map<string, string>,
  results: Map<Move, Moved>,
): Promise<void> {
  const { sourceFolder, targetFolder } = moves[0]!;
  let targets: ReadonlyMap<Uid, Uid> = new Map();
  let failure: number | undefined;
  try {
    const collection = await request.account.openMail(folders.byId(sourceFolder)!.key);
    try {
      const uids = moves.map(({ source }) => parseItemId(source)!.uid);
      targets = await collection.move([...new Set(uids)], folders.byId(targetFolder)!.key);
    } finally {
      collection.release();
    }
  } catch (error) {
    if (!(error instanceof AccountError)) throw error;
    request.log.warn("items not moved", { source: sourceFolder, target: targetFolder, err: error });
    failure = error.code === "folder_missing" ? Status.targetInvalid : Status.failed;
    if (error instanceof PartlyMovedError) targets = error.moved;
  }
  for (const move of moves) {
    const target = targets.get(parseItemId(move.source)!.uid);
    const key = `${move.source}\0${targetFolder}`;
    const before = remembered.get(key);
    if (target !== undefined) {
      const id = printItemId(targetFolder, target);
      remembered.set(key, id);
      results.set(move, { status: Status.ok, target: id });
    } else if (before !== undefined) results.set(move, { status: Status.ok, target: before });
    else results.set(move, { status: failure ?? Status.sourceInvalid });
  }
}

function answer(moved: readonly (Moved & { readonly source: string })[]): EasAnswer {
  const writer = new WbxmlWriter().start(tags.moveItems);
  for (const { source, status, target } of moved) {
    writer.start(tags.response).text(tags.source, source).text(tags.status, status);
    if (target !== undefined) writer.text(tags.target, target);
    writer.end();
  }
  return { kind: "wbxml", bytes: writer.end().finish() };
}
