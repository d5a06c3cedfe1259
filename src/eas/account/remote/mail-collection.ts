/**
 * A folder of an IMAP server as a collection of mail. Nothing is kept from one request to the next: what the cursor needs
 * is asked of the server, in as few round trips as its extensions allow (CONDSTORE and QRESYNC, RFC 7162; ESEARCH,
 * RFC 4731; MOVE, RFC 6851; UIDPLUS, RFC 4315).
 */
import type { Uid } from "../../../base/numbers.ts";
import type { CommandResult } from "../../../imap/client-command.ts";
import { printFlags, readFetched } from "../../../imap/client-fetch.ts";
import { wireMailbox } from "../../../imap/client-folders.ts";
import { printDateTime } from "../../../imap/codec/date.ts";
import type { Untagged } from "../../../imap/codec/response.ts";
import { SystemFlag } from "../../../store/model.ts";
import {
  AccountError,
  type AppendOptions,
  type FailedItem,
  type FolderUse,
  type ItemFlagChange,
  type ItemState,
  type MailCollection,
  type MailItem,
  PartlyMovedError,
} from "../port.ts";
import type { Lent, Selected, UserConnections } from "./connections.ts";
import { accepted } from "./failure.ts";
import type { RemoteFolder } from "./folder-tree.ts";
import { toState } from "./item-state.ts";
import { readItems } from "./mail-items.ts";
import { ANY, FRESH, hasModseq, select } from "./selecting.ts";
import { pipeline } from "./pipeline.ts";
import { printUids, readSearches, readUids } from "./uid-set.ts";

/** UIDs in one command: the line stays below what servers take. */
const MAX_UIDS_A_COMMAND = 500;
/** States of so many messages are remembered. */
const MAX_SHOWN = 10_000;
const DAY_SECONDS = 86_400;
const STATE_ITEMS = "UID FLAGS INTERNALDATE RFC822.SIZE";

export interface CollectionPorts {
  /** Of the user. */
  readonly address: string;
  readonly connections: UserConnections;
  readonly folderOf: (key: string) => Promise<RemoteFolder>;
}

interface Delta {
  readonly since: number;
  readonly states: readonly ItemState[];
  /** undefined = the server has no QRESYNC. */
  readonly vanished: Uint32Array | undefined;
}

export class RemoteCollection implements MailCollection {
  readonly #ports: CollectionPorts;
  readonly #folder: RemoteFolder;
  readonly epoch: string;
  readonly highestModseq: number;
  readonly uidNext: number;
  readonly #generation: number;
  #delta: Promise<Delta> | undefined;
  #deltaSince = -1;
  /** Modseqs that were shown, so that a change of somebody else in between is noticed. */
  readonly #shown = new Map<number, number>();

  private constructor(ports: CollectionPorts, folder: RemoteFolder, state: Omit<Selected, "key">) {
    this.#ports = ports;
    this.#folder = folder;
    this.epoch = String(state.uidValidity);
    this.highestModseq = state.highestModseq;
    this.uidNext = state.uidNext;
    this.#generation = state.generation;
  }

  /** @throws AccountError folder_missing */
  static async open(ports: CollectionPorts, folder: RemoteFolder): Promise<RemoteCollection> {
    if (!folder.selectable) {
      // A level without messages: an empty folder.
      const nothing = { uidValidity: 1, highestModseq: 1, uidNext: 1, generation: ANY };
      return new RemoteCollection(ports, folder, nothing);
    }
    const state = await ports.connections.use((lent) => select(lent, folder, { generation: FRESH }), {
      prefer: folder.key,
    });
    return new RemoteCollection(ports, folder, state);
  }

  get key(): string {
    return this.#folder.key;
  }
  get use(): FolderUse {
    return this.#folder.use;
  }

  async uids(since: number): Promise<Uint32Array> {
    if (!this.#folder.selectable) return new Uint32Array(0);
    if (since <= 0) return await this.#on(async (lent) => (await searchUids(lent, ["UNDELETED"]))[0]!);
    // SINCE knows days, in whatever zone the server lives: what is surely inside, and what the date must decide.
    return await this.#on(async (lent) => {
      const [wide, inside] = await searchUids(lent, [
        `UNDELETED SINCE ${searchDate(since - 2 * DAY_SECONDS)}`,
        `UNDELETED SINCE ${searchDate(since + 2 * DAY_SECONDS)}`,
      ]);
      const sure = new Set(inside);
      const unsure = [...wide!].filter((uid) => !sure.has(uid)) as Uid[];
      if (unsure.length === 0) return inside!;
      const states = await fetchStates(lent, unsure);
      const recent = states.filter(({ internalDate }) => internalDate >= since).map(({ uid }) => uid);
      return Uint32Array.from([...inside!, ...recent]).sort();
    });
  }

  async changedAfter(
    position: { readonly modseq: number; readonly uid: Uid },
    limit: number,
  ): Promise<readonly ItemState[]> {
    const { states } = await this.#since(position.modseq - 1);
    return states
      .filter(
        ({ modseq, uid }) => modseq > position.modseq || (modseq === position.modseq && uid > position.uid),
      )
      .toSorted((a, b) => a.modseq - b.modseq || a.uid - b.uid)
      .slice(0, limit);
  }

  async vanishedSince(modseq: number): Promise<Uint32Array | "unknown"> {
    return (await this.#since(modseq - 1)).vanished ?? "unknown";
  }

  /** Both questions of a delta are one command. */
  #since(modseq: number): Promise<Delta> {
    const since = Math.max(1, modseq);
    if (this.#delta === undefined || this.#deltaSince > since) {
      this.#deltaSince = since;
      this.#delta = this.#folder.selectable
        ? this.#on((lent) => fetchDelta(lent, since))
        : Promise.resolve({ since, states: [], vanished: undefined });
    }
    return this.#delta;
  }

  async states(uids: readonly Uid[]): Promise<readonly ItemState[]> {
    if (uids.length === 0) return [];
    const found = await this.#on((lent) => fetchStates(lent, uids));
    const byUid = new Map(found.map((state) => [state.uid, state]));
    for (const { uid, modseq } of found) if (this.#shown.size < MAX_SHOWN) this.#shown.set(uid, modseq);
    return uids.flatMap((uid) => byUid.get(uid) ?? []);
  }

  items(uids: readonly Uid[]): AsyncIterable<MailItem | FailedItem> {
    const user = encodeURIComponent(this.#ports.address);
    const folder = `${this.#folder.key}/${this.epoch}`;
    return readItems((work) => this.#on(work), { user, folder }, uids);
  }

  async storeFlags(uids: readonly Uid[], change: ItemFlagChange): Promise<ReadonlyMap<Uid, number>> {
    return await this.#on(async (lent) => {
      const modseqs = new Map<Uid, number>();
      const parts: (readonly [string, ItemFlagChange["add"]])[] = [
        ["+FLAGS", change.add],
        ["-FLAGS", change.remove],
      ];
      const items = `(UID FLAGS${hasModseq(lent) ? " MODSEQ" : ""})`;
      // Alone: what others did is shown between commands only, and of a pipeline only at its end.
      accepted(await lent.client.command("NOOP"), "unavailable");
      for (const set of uidSets(uids)) {
        const stores = parts.flatMap(([item, part]) => {
          const flags = printFlags({ system: part.systemFlags, keywords: part.keywords, hash: 0 });
          return flags === "" ? [] : [`UID STORE ${set} ${item} (${flags})`];
        });
        const look = `UID FETCH ${set} ${items}`;
        const answers = fetched(await pipeline(lent, [look, ...stores, look], "permission_denied"));
        // The first answer about a message is from before the change, the last from after it.
        const before = new Map(answers.toReversed().map(({ uid, modseq = 0 }) => [uid, modseq]));
        const after = new Map(answers.map(({ uid, modseq = 0 }) => [uid, modseq]));
        for (const [uid, modseq] of after) {
          const shown = this.#shown.get(uid);
          const isOwn = shown === undefined || shown === before.get(uid);
          modseqs.set(uid as Uid, isOwn ? modseq : 0);
          this.#shown.set(uid, modseq);
        }
      }
      return modseqs;
    });
  }

  async move(uids: readonly Uid[], targetKey: string): Promise<ReadonlyMap<Uid, Uid>> {
    if (uids.length === 0) return new Map();
    const target = await this.#ports.folderOf(targetKey);
    const moved = new Map<Uid, Uid>();
    try {
      await this.#moveAll(uids, target, moved);
    } catch (error) {
      // One command moves all of its messages or none; those before it are moved.
      throw moved.size > 0 && error instanceof AccountError ? new PartlyMovedError(moved, error) : error;
    }
    return moved;
  }

  async #moveAll(uids: readonly Uid[], target: RemoteFolder, moved: Map<Uid, Uid>): Promise<void> {
    const name = wireMailbox(target.wireName);
    await this.#on(async (lent) => {
      const { client, capabilities } = lent;
      for (const set of uidSets(uids)) {
        const canMove = capabilities.has("MOVE") || capabilities.has("IMAP4REV2");
        const result = await client.command([`UID ${canMove ? "MOVE" : "COPY"} ${set} `, ...name]);
        accepted(result, "folder_missing");
        const pairs = copyUids(result);
        if (!canMove) {
          // RFC 6851 §3.3 is this as one command; a failure in between leaves a copy too many, not one too few.
          accepted(await client.command(`UID STORE ${set} +FLAGS.SILENT (\\Deleted)`), "permission_denied");
        }
        for (const [from, to] of pairs) moved.set(from, to);
        if (!canMove) await expungeUids(lent, set);
      }
    }, false);
  }

  async expunge(uids: readonly Uid[]): Promise<void> {
    if (uids.length === 0) return;
    await this.#on(async (lent) => {
      for (const set of uidSets(uids)) {
        const stored = await lent.client.command(`UID STORE ${set} +FLAGS.SILENT (\\Deleted)`);
        accepted(stored, "permission_denied");
        await expungeUids(lent, set);
      }
    });
  }

  async append(
    message: Buffer,
    options: AppendOptions,
  ): Promise<{ readonly uid: Uid; readonly modseq: number }> {
    const { connections } = this.#ports;
    return await connections.use((lent) => appendTo(lent, this.#folder, message, options), {
      repeatable: false,
    });
  }

  release(): void {}

  /** With the folder selected, in the epoch in which it was opened. */
  #on<Result>(work: (lent: Lent) => Promise<Result>, repeatable = true): Promise<Result> {
    return this.#ports.connections.use(
      async (lent) => {
        const { uidValidity } = await select(lent, this.#folder, { generation: this.#generation });
        if (String(uidValidity) !== this.epoch) {
          throw new AccountError("unavailable", "the folder was made anew meanwhile");
        }
        return await work(lent);
      },
      { prefer: this.#folder.key, repeatable },
    );
  }
}

/** APPEND; the UID from APPENDUID, else found by looking at what is new. */
export async function appendTo(
  lent: Lent,
  folder: RemoteFolder,
  message: Buffer,
  { systemFlags, keywords, internalDate }: AppendOptions,
): Promise<{ readonly uid: Uid; readonly modseq: number }> {
  const flags = printFlags({ system: systemFlags, keywords, hash: 0 });
  const date = internalDate === undefined ? "" : ` "${printDateTime(internalDate)}"`;
  const result = await lent.client.command([
    "APPEND ",
    ...wireMailbox(folder.wireName),
    ` (${flags})${date} `,
    message,
  ]);
  accepted(result, "folder_missing");
  const told = /^APPENDUID \d+ (\d+)$/i.exec(result.code ?? "")?.[1];
  if (told !== undefined) return { uid: Number(told) as Uid, modseq: 0 };
  const { uidNext } = await select(lent, folder, { generation: FRESH });
  return { uid: Math.max(1, uidNext - 1) as Uid, modseq: 0 };
}

/** One array for each of the criteria. */
async function searchUids(lent: Lent, criteria: readonly string[]): Promise<readonly Uint32Array[]> {
  const isExtended = lent.capabilities.has("ESEARCH") || lent.capabilities.has("IMAP4REV2");
  const commands = criteria.map((one) => `UID SEARCH ${isExtended ? "RETURN (ALL) " : ""}${one}`);
  const found = readSearches(await pipeline(lent, commands, "unavailable"));
  if (found.length !== criteria.length) throw new AccountError("unavailable", "a search was not answered");
  return found;
}

async function fetchStates(lent: Lent, uids: readonly Uid[]): Promise<readonly ItemState[]> {
  const items = `(${STATE_ITEMS}${hasModseq(lent) ? " MODSEQ" : ""})`;
  const commands = uidSets(uids).map((set) => `UID FETCH ${set} ${items}`);
  const wanted = new Set<number>(uids);
  return fetched(await pipeline(lent, commands, "unavailable"))
    .filter(({ uid }) => wanted.has(uid))
    .map(toState);
}

async function fetchDelta(lent: Lent, since: number): Promise<Delta> {
  const knowsVanished = lent.capabilities.has("QRESYNC");
  const modifiers = `CHANGEDSINCE ${since}${knowsVanished ? " VANISHED" : ""}`;
  const states: ItemState[] = [];
  const vanished: Uint32Array[] = [];
  const result = await lent.client.command(`UID FETCH 1:* (${STATE_ITEMS}) (${modifiers})`, {
    // Taken as they come: a change of everything is not kept twice.
    untagged(response) {
      if (response.name === "FETCH") {
        const values = readFetched(response.arguments());
        if (values.uid !== 0 && values.flags !== undefined) states.push(toState(values));
        return true;
      }
      if (response.name !== "VANISHED") return false;
      const reader = response.arguments().sp();
      // Without (EARLIER) it is news of this moment, which is as gone.
      if (reader.skip("(")) {
        reader.until(")");
        reader.expect(")").sp();
      }
      vanished.push(readUids(reader));
      return true;
    },
  });
  accepted(result, "unavailable");
  return {
    since,
    states: states.filter(({ systemFlags }) => (systemFlags & SystemFlag.deleted) === 0),
    vanished: knowsVanished ? Uint32Array.from(vanished.flatMap((uids) => [...uids])).sort() : undefined,
  };
}

function fetched(untagged: readonly Untagged[]): ReturnType<typeof readFetched>[] {
  return untagged
    .filter(({ name }) => name === "FETCH")
    .map((response) => readFetched(response.arguments()))
    .filter(({ uid }) => uid !== 0);
}

/** `1-Feb-2026`, in UTC. */
function searchDate(seconds: number): string {
  return printDateTime(Math.max(0, seconds)).trim().slice(0, 11).trim();
}

function uidSets(uids: readonly Uid[]): string[] {
  const sets: string[] = [];
  const sorted = uids.toSorted((a, b) => a - b);
  for (let at = 0; at < sorted.length; at += MAX_UIDS_A_COMMAND) {
    sets.push(printUids(sorted.slice(at, at + MAX_UIDS_A_COMMAND)));
  }
  return sets;
}

/** COPYUID of the tagged line (COPY) or of an untagged OK (MOVE): RFC 4315 §3, RFC 6851 §4.3. */
function copyUids({ code, untagged }: CommandResult): (readonly [Uid, Uid])[] {
  const texts = [
    code ?? "",
    ...untagged
      .filter(({ name }) => name === "OK")
      .map((response) => response.arguments().rest().trim().replace(/^\[/, "")),
  ];
  for (const text of texts) {
    const match = /^COPYUID \d+ ([\d:,]+) ([\d:,]+)/i.exec(text);
    if (match?.[1] === undefined || match[2] === undefined) continue;
    const from = expand(match[1]);
    const to = expand(match[2]);
    return from.map((uid, i) => [uid, to[i] ?? uid] as const);
  }
  return [];
}

/** In the order written: COPYUID pairs its sets by position. */
function expand(set: string): Uid[] {
  return set.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split(":").map(Number);
    const step = first <= last ? 1 : -1;
    return Array.from(
      { length: Math.min(Math.abs(last - first) + 1, MAX_UIDS_A_COMMAND * 2) },
      (_, i) => (first + i * step) as Uid,
    );
  });
}

/** UID EXPUNGE; without UIDPLUS the messages stay marked, and are not shown. */
async function expungeUids({ client, capabilities }: Lent, set: string): Promise<void> {
  if (!capabilities.has("UIDPLUS") && !capabilities.has("IMAP4REV2")) return;
  accepted(await client.command(`UID EXPUNGE ${set}`), "permission_denied");
}
