/** A phone for tests: it keeps what the gateway told it, and what its owner did until the gateway has heard of it. */
import assert from "node:assert/strict";
import { type SyncCollection, writeSync } from "../../src/eas/client-commands.ts";
import type { Element } from "../../src/eas/element.ts";
import type { ProtocolVersion } from "../../src/eas/version.ts";
import { tagOf } from "../../src/wire/wbxml/code-pages.ts";
import type { WbxmlWriter } from "../../src/wire/wbxml/writer.ts";
import type { TrialGateway } from "./eas-trial.ts";

const t = tagOf;

export interface PhoneItem {
  subject: string;
  read: boolean;
  flagged: boolean;
}

export interface PhoneCollection {
  key: string;
  filterType: number;
  readonly items: Map<string, PhoneItem>;
  /** Sent with the next Sync, and again until an answer comes. */
  waiting: PhoneAction[];
}

export type PhoneAction =
  | { readonly kind: "read"; readonly id: string; readonly on: boolean }
  | { readonly kind: "flag"; readonly id: string; readonly on: boolean }
  | { readonly kind: "delete"; readonly id: string };

export interface PhoneFolder {
  readonly name: string;
  readonly parentId: string;
  readonly type: number;
}

export class Phone {
  gateway: TrialGateway;
  readonly version: ProtocolVersion;
  readonly deviceId: string;
  readonly folders = new Map<string, PhoneFolder>();
  readonly collections = new Map<string, PhoneCollection>();
  folderKey = "0";

  constructor(gateway: TrialGateway, version: ProtocolVersion = 161, deviceId = "PHONE1") {
    this.gateway = gateway;
    this.version = version;
    this.deviceId = deviceId;
  }

  call(name: string, build: ((writer: WbxmlWriter) => void) | undefined): Promise<Element | undefined> {
    return this.gateway.call(name, build, { version: this.version, deviceId: this.deviceId });
  }

  idOf(name: string): string {
    for (const [id, folder] of this.folders) if (folder.name === name) return id;
    throw new Error(`the phone has no folder ${name}`);
  }

  collection(id: string): PhoneCollection {
    let found = this.collections.get(id);
    if (found === undefined) {
      found = { key: "0", filterType: 0, items: new Map(), waiting: [] };
      this.collections.set(id, found);
    }
    return found;
  }

  /** @param lose the answer does not arrive */
  async folderSync(lose = false): Promise<number> {
    const root = await this.call("FolderSync", (writer) => {
      writer.start(t("FolderHierarchy:FolderSync"));
      writer.text(t("FolderHierarchy:SyncKey"), this.folderKey).end();
    });
    const status = root?.numberOf(t("FolderHierarchy:Status")) ?? 0;
    if (lose) return status;
    if (status !== 1) {
      assert.equal(status, 9);
      this.folderKey = "0";
      return status;
    }
    if (this.folderKey === "0") this.folders.clear();
    this.folderKey = root?.textOf(t("FolderHierarchy:SyncKey")) ?? "";
    for (const change of root?.child(t("FolderHierarchy:Changes"))?.children ?? []) this.#take(change);
    // The schema has updates before adds, so a folder may move below one that comes later.
    for (const [id, { parentId }] of this.folders) {
      assert.ok(parentId === "0" || this.folders.has(parentId), `folder ${id} has no parent ${parentId}`);
    }
    for (const id of this.collections.keys()) if (!this.folders.has(id)) this.collections.delete(id);
    return status;
  }

  #take(change: Element): void {
    const id = change.textOf(t("FolderHierarchy:ServerId")) ?? "";
    if (change.tag === t("FolderHierarchy:Delete")) this.folders.delete(id);
    if (change.tag !== t("FolderHierarchy:Add") && change.tag !== t("FolderHierarchy:Update")) return;
    const parentId = change.textOf(t("FolderHierarchy:ParentId")) ?? "";
    this.folders.set(id, {
      name: change.textOf(t("FolderHierarchy:DisplayName")) ?? "",
      parentId,
      type: change.numberOf(t("FolderHierarchy:Type")) ?? 0,
    });
  }

  act(collectionId: string, action: PhoneAction): void {
    const collection = this.collection(collectionId);
    const item = collection.items.get(action.id);
    if (item === undefined) return;
    if (action.kind === "read") item.read = action.on;
    else if (action.kind === "flag") item.flagged = action.on;
    else collection.items.delete(action.id);
    collection.waiting.push(action);
  }

  /** One Sync of one collection. Answers whether more waits. */
  async sync(
    id: string,
    options: { readonly windowSize?: number; readonly lose?: boolean } = {},
  ): Promise<boolean> {
    const collection = this.collection(id);
    const { key, filterType, waiting } = collection;
    const sent = key === "0" ? [] : [...waiting];
    const asked: SyncCollection = {
      syncKey: key,
      collectionId: id,
      windowSize: options.windowSize ?? 100,
      filterType,
      ...(sent.length === 0 ? {} : { commands: (writer) => writeActions(writer, sent) }),
    };
    const root = await this.call("Sync", (writer) => writeSync(writer, [asked], {}));
    if (options.lose === true) return true;
    if (root === undefined) return false;
    const answer = root.child(t("AirSync:Collections"))?.child(t("AirSync:Collection"));
    assert.ok(answer !== undefined, `Sync got status ${root.textOf(t("AirSync:Status"))}`);
    const status = answer.numberOf(t("AirSync:Status"));
    if (status === 3 || status === 12) {
      collection.key = "0";
      collection.items.clear();
      collection.waiting = [];
      return status === 3;
    }
    assert.equal(status, 1);
    const isStart = key === "0";
    collection.key = answer.textOf(t("AirSync:SyncKey")) ?? "";
    collection.waiting = waiting.slice(sent.length);
    for (const change of answer.child(t("AirSync:Commands"))?.children ?? []) {
      takeItem(collection, change);
    }
    return isStart || answer.child(t("AirSync:MoreAvailable")) !== undefined;
  }

  /** Until nothing is left to hear. */
  async syncAll(id: string, windowSize = 100): Promise<void> {
    for (let round = 0; round < 10_000; round++) {
      const { key } = this.collection(id);
      const more = await this.sync(id, { windowSize });
      if (!more && this.collection(id).key === key) return;
    }
    throw new Error("the gateway never comes to an end");
  }
}

function takeItem({ items }: PhoneCollection, change: Element): void {
  const id = change.textOf(t("AirSync:ServerId")) ?? "";
  const data = change.child(t("AirSync:ApplicationData"));
  if (change.tag === t("AirSync:Delete") || change.tag === t("AirSync:SoftDelete")) items.delete(id);
  else if (change.tag === t("AirSync:Add")) {
    items.set(id, { subject: data?.textOf(t("Email:Subject")) ?? "", read: false, flagged: false });
  }
  const item = items.get(id);
  if (item === undefined || data === undefined) return;
  if (data.child(t("Email:Read")) !== undefined) item.read = data.flagOf(t("Email:Read"), false);
  const flag = data.child(t("Email:Flag"));
  if (flag !== undefined) item.flagged = flag.textOf(t("Email:Status")) === "2";
}

function writeActions(writer: WbxmlWriter, actions: readonly PhoneAction[]): void {
  for (const action of actions) {
    if (action.kind === "delete") {
      writer.start(t("AirSync:Delete")).text(t("AirSync:ServerId"), action.id).end();
      continue;
    }
    writer.start(t("AirSync:Change")).text(t("AirSync:ServerId"), action.id);
    writer.start(t("AirSync:ApplicationData"));
    if (action.kind === "read") writer.text(t("Email:Read"), Number(action.on));
    else if (action.on) {
      writer.start(t("Email:Flag")).text(t("Email:Status"), 2).text(t("Email:FlagType"), "Flag").end();
    } else writer.empty(t("Email:Flag"));
    writer.end().end();
  }
}
