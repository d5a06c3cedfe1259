/**
 * A phone and a mailbox, played against each other by chance: mail comes and goes, other clients and the phone change the
 * same messages, answers are lost, gateways change. When all is quiet the phone shows what the mailbox holds.
 */
import assert from "node:assert/strict";
import type { Uid } from "../../src/base/numbers.ts";
import { sinceOf } from "../../src/eas/cursor/filter-since.ts";
import { SystemFlag, type Mailbox } from "../../src/store/model.ts";
import { isBelow } from "../../src/store/names.ts";
import { tagOf } from "../../src/wire/wbxml/code-pages.ts";
import { Phone } from "../support/eas-phone.ts";
import type { EasTrial, TrialGateway } from "../support/eas-trial.ts";
import type { SimRandom } from "./sim-random.ts";

const BY = { userId: "alice", sessionId: 7 };
const DAY_SECONDS = 86_400;
const KEPT = new Set(["user.alice", "user.alice.Drafts", "user.alice.Sent", "user.alice.Trash"]);
const MAX_FOLDERS = 9;
const t = tagOf;

type Action = (world: EasWorld) => Promise<void>;

export class EasWorld {
  readonly trial: EasTrial;
  readonly phone: Phone;
  readonly random: SimRandom;
  readonly #gateways: TrialGateway[];
  readonly #trace: string[] = [];
  #count = 0;

  constructor(trial: EasTrial, random: SimRandom) {
    this.trial = trial;
    this.random = random;
    this.#gateways = [trial.gateway(), trial.gateway()];
    this.phone = new Phone(this.#gateways[0]!);
  }

  get trace(): string {
    return this.#trace.slice(-25).join("\n");
  }

  async step(): Promise<void> {
    const [name, , action] = this.#pick();
    this.#trace.push(`${++this.#count} ${name}`);
    await action(this);
  }

  #pick(): readonly [string, number, Action] {
    let at = this.random.below(TOTAL);
    for (const entry of ACTIONS) {
      at -= entry[1];
      if (at < 0) return entry;
    }
    return ACTIONS[0]!;
  }

  note(text: string): void {
    this.#trace.push(`    ${text}`);
  }

  mailboxes(): Mailbox[] {
    return [...this.trial.store.mailboxes.ofUser("alice")].filter(({ type }) => type === "mail");
  }
  mailbox(): Mailbox {
    // INBOX is where most happens.
    return this.random.chance(0.6)
      ? this.trial.store.mailboxes.get("user.alice")
      : this.random.pick(this.mailboxes());
  }

  async uids(mailbox: Mailbox, most: number): Promise<Uid[]> {
    const view = await this.trial.store.open(mailbox.id);
    const all = [...view.uids] as Uid[];
    view.release();
    const count = Math.min(all.length, 1 + this.random.below(most));
    return Array.from({ length: all.length === 0 ? 0 : count }, () => this.random.pick(all));
  }

  folderId(): string | undefined {
    const ids = [...this.phone.folders.keys()];
    const inbox = [...this.phone.folders].find(([, folder]) => folder.type === 2)?.[0];
    return this.random.chance(0.6) || ids.length === 0 ? inbox : this.random.pick(ids);
  }

  changeGateway(): void {
    this.phone.gateway = this.random.pick(this.#gateways);
  }
  restartGateway(): void {
    this.#gateways[this.random.below(this.#gateways.length)] = this.trial.gateway();
    this.changeGateway();
  }

  /** Everything is told, then both sides are compared. */
  async compare(): Promise<void> {
    const { phone, trial } = this;
    for (let round = 0; phone.folderKey === "0" || round === 0; round++) {
      assert.ok(round < 3);
      await phone.folderSync();
    }
    const folders = await trial.account().folders();
    assert.deepEqual(
      [...phone.folders.values()].map(({ name }) => name).sort(byText),
      folders.map(({ name }) => name).sort(byText),
    );
    // What the phone deletes in one folder comes to the trash.
    const ids = [...phone.folders.keys()];
    for (const id of [...ids, ...ids]) await phone.syncAll(id, 1 + this.random.below(50));
    for (const [id, { name }] of phone.folders) await this.#compareFolder(id, name);
  }

  async #compareFolder(id: string, name: string): Promise<void> {
    const { phone, trial } = this;
    const folder = (await trial.account().folders()).find((candidate) => candidate.name === name);
    const mailbox = trial.store.mailboxes.byUniqueId(folder!.key)!;
    const { filterType, items, waiting } = phone.collection(id);
    assert.equal(waiting.length, 0);
    const since = sinceOf(filterType, trial.clock.nowMs());
    const view = await trial.store.open(mailbox.id);
    const expected = new Map<string, { read: boolean; flagged: boolean }>();
    for (let i = 0; i < view.count; i++) {
      const flags = view.systemFlags[i]!;
      if (flags & SystemFlag.deleted || view.internalDates[i]! < since) continue;
      expected.set(`${id}:${view.uids[i]!}`, {
        read: (flags & SystemFlag.seen) !== 0,
        flagged: (flags & SystemFlag.flagged) !== 0,
      });
    }
    view.release();
    const shown = [...items].map(([key, { read, flagged }]) => [key, { read, flagged }] as const);
    assert.deepEqual(new Map(shown.sort(byId)), new Map([...expected].sort(byId)), `folder ${name}`);
  }
}

const byText = (a: string, b: string): number => (a < b ? -1 : 1);
const byId = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => byText(a, b);

async function deliver(world: EasWorld): Promise<void> {
  const { trial, random } = world;
  const mailbox = world.mailbox();
  if (mailbox.intermediate) return;
  const nowSeconds = Math.floor(trial.clock.nowMs() / 1000);
  const messages = Array.from({ length: random.chance(0.1) ? 20 : 1 + random.below(3) }, () => ({
    body: trial.store.stageBuffer(Buffer.from(`Subject: mail ${random.below(1e6)}\r\n\r\ntext\r\n`)),
    systemFlags: random.chance(0.2) ? SystemFlag.seen : 0,
    keywords: [],
    internalDate: nowSeconds - random.below(40 * DAY_SECONDS),
  }));
  await trial.store.append(mailbox.id, messages, BY);
}

async function flag(world: EasWorld): Promise<void> {
  const mailbox = world.mailbox();
  const systemFlags = world.random.pick([SystemFlag.seen, SystemFlag.flagged, SystemFlag.answered]);
  const mode = world.random.pick(["add", "remove"] as const);
  const uids = await world.uids(mailbox, 4);
  await world.trial.store.storeFlags(mailbox.id, uids, { mode, systemFlags, keywords: [] }, BY);
}

async function markDeleted(world: EasWorld): Promise<void> {
  const mailbox = world.mailbox();
  const mode = world.random.pick(["add", "add", "remove"] as const);
  const uids = await world.uids(mailbox, 3);
  const change = { mode, systemFlags: SystemFlag.deleted, keywords: [] };
  await world.trial.store.storeFlags(mailbox.id, uids, change, BY);
}

async function expunge(world: EasWorld): Promise<void> {
  const mailbox = world.mailbox();
  const uids = await world.uids(mailbox, 3);
  await world.trial.store.expunge(mailbox.id, uids, { onlyDeleted: false }, BY);
}

async function move(world: EasWorld): Promise<void> {
  const source = world.mailbox();
  const target = world.random.pick(world.mailboxes());
  const uids = await world.uids(source, 3);
  if (target.intermediate || target.id === source.id || uids.length === 0) return;
  await world.trial.store.copy(source.id, [...new Set(uids)], target.id, { move: true }, BY);
}

async function createFolder(world: EasWorld): Promise<void> {
  const all = world.mailboxes();
  if (all.length >= MAX_FOLDERS) return;
  const parent = world.random.chance(0.6)
    ? "user.alice"
    : world.random.pick(all.filter(({ name }) => !KEPT.has(name) || name === "user.alice")).name;
  await world.trial.store.create(`${parent}.F${world.random.below(1e9)}`, {});
}

async function renameFolder(world: EasWorld): Promise<void> {
  const own = world.mailboxes().filter(({ name }) => !KEPT.has(name));
  if (own.length === 0) return;
  const mailbox = world.random.pick(own);
  const parents = ["user.alice", ...own.map(({ name }) => name)].filter(
    (name) => name !== mailbox.name && !isBelow(name, mailbox.name),
  );
  const newName = `${world.random.pick(parents)}.R${world.random.below(1e9)}`;
  await world.trial.store.rename(mailbox.id, newName, { withChildren: true });
}

async function deleteFolder(world: EasWorld): Promise<void> {
  const own = world.mailboxes().filter(({ name }) => !KEPT.has(name));
  const leaves = own.filter(({ name }) => !world.trial.store.mailboxes.hasChildren(name));
  if (leaves.length > 0) await world.trial.store.delete(world.random.pick(leaves).id);
}

async function syncPhone(world: EasWorld): Promise<void> {
  const { phone, random } = world;
  const id = world.folderId();
  if (id === undefined) return;
  const lose = random.chance(0.25);
  world.note(`folder ${id} key ${phone.collection(id).key}${lose ? " lost" : ""}`);
  await phone.sync(id, { windowSize: 1 + random.below(30), lose });
}

async function phoneActs(world: EasWorld): Promise<void> {
  const { phone, random } = world;
  const id = world.folderId();
  if (id === undefined) return;
  const items = [...phone.collection(id).items.keys()];
  if (items.length === 0) return;
  const item = random.pick(items);
  const on = random.chance(0.5);
  const kind = random.pick(["read", "read", "flag", "delete"] as const);
  world.note(`${kind} ${item} ${on}`);
  phone.act(id, kind === "delete" ? { kind, id: item } : { kind, id: item, on });
}

async function phoneMoves(world: EasWorld): Promise<void> {
  const { phone, random } = world;
  const source = world.folderId();
  const target = world.folderId();
  if (source === undefined || target === undefined || source === target) return;
  const collection = phone.collection(source);
  const items = [...collection.items.keys()];
  if (items.length === 0 || collection.waiting.length > 0) return;
  const item = random.pick(items);
  const move = (): ReturnType<Phone["call"]> =>
    phone.call("MoveItems", (writer) => {
      writer.start(t("Move:MoveItems")).start(t("Move:Move")).text(t("Move:SrcMsgId"), item);
      writer.text(t("Move:SrcFldId"), source).text(t("Move:DstFldId"), target).end().end();
    });
  if (random.chance(0.2)) await move();
  const status = (await move())?.child(t("Move:Response"))?.numberOf(t("Move:Status"));
  if (status === 3) collection.items.delete(item);
  world.note(`move ${item} to ${target}: ${status}`);
}

async function phoneMakesFolder(world: EasWorld): Promise<void> {
  const { phone, random } = world;
  if (phone.folderKey === "0" || world.mailboxes().length >= MAX_FOLDERS) return;
  const name = `P${random.below(1e9)}`;
  const create = (): ReturnType<Phone["call"]> =>
    phone.call("FolderCreate", (writer) => {
      writer.start(t("FolderHierarchy:FolderCreate")).text(t("FolderHierarchy:SyncKey"), phone.folderKey);
      writer.text(t("FolderHierarchy:ParentId"), "0").text(t("FolderHierarchy:DisplayName"), name);
      writer.text(t("FolderHierarchy:Type"), 12).end();
    });
  if (random.chance(0.3)) await create();
  const root = await create();
  const status = root?.numberOf(t("FolderHierarchy:Status"));
  if (status !== 1) return;
  phone.folderKey = root?.textOf(t("FolderHierarchy:SyncKey")) ?? "";
  const id = root?.textOf(t("FolderHierarchy:ServerId")) ?? "";
  phone.folders.set(id, { name, parentId: "0", type: 12 });
}

async function changeFilter(world: EasWorld): Promise<void> {
  const id = world.folderId();
  if (id !== undefined) world.phone.collection(id).filterType = world.random.below(6);
}

async function phoneStartsAnew(world: EasWorld): Promise<void> {
  const id = world.folderId();
  if (id === undefined) return;
  const collection = world.phone.collection(id);
  collection.key = "0";
  collection.items.clear();
  collection.waiting = [];
}

const ACTIONS: readonly (readonly [name: string, weight: number, action: Action])[] = [
  ["deliver", 16, deliver],
  ["flag", 12, flag],
  ["mark deleted", 3, markDeleted],
  ["expunge", 6, expunge],
  ["move", 5, move],
  ["create folder", 1, createFolder],
  ["rename folder", 1, renameFolder],
  ["delete folder", 1, deleteFolder],
  ["sync", 40, syncPhone],
  ["phone acts", 18, phoneActs],
  ["phone moves", 3, phoneMoves],
  ["phone makes a folder", 1, phoneMakesFolder],
  ["folder sync", 4, async (world) => void (await world.phone.folderSync(world.random.chance(0.2)))],
  ["change the filter", 2, changeFilter],
  ["phone starts anew", 1, phoneStartsAnew],
  ["a day passes", 1, (world) => Promise.resolve(world.trial.clock.advance(DAY_SECONDS * 1000))],
  ["change the gateway", 4, (world) => Promise.resolve(world.changeGateway())],
  ["restart a gateway", 2, (world) => Promise.resolve(world.restartGateway())],
];
const TOTAL = ACTIONS.reduce((sum, [, weight]) => sum + weight, 0);
