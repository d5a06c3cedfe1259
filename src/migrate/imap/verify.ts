/**
 * Reads both sides again and compares them message by message: what the source lists, what the ledger says became of it,
 * what the target has. Nothing is changed on either side.
 *
 * `sizes` compares which messages are there and their sizes; `digests` reads every body on both sides.
 */
import type { FolderLedger } from "../ledger/folder-ledger.ts";
import type { LedgerUser } from "../ledger/ledger.ts";
import { isStored } from "../ledger/record.ts";
import type { FolderVerification, Loss, Verification, VerifyLevel } from "../ledger/verification.ts";
import { BodyDigests } from "./body-digests.ts";
import type { Folder } from "../../imap/client-folders.ts";
import type { ImapSource } from "./source.ts";
import type { MailTarget, TargetFolder, TargetMessage } from "./target.ts";

/** Named in the result; the others are counted. */
const MAX_NAMED_LOSSES = 1000;

export interface VerifyWork {
  readonly source: ImapSource;
  readonly target: MailTarget;
  readonly known: ReadonlyMap<string, FolderLedger>;
  /** Folders that are migrated, by name at the source. */
  readonly folders: readonly Folder[];
  readonly level: VerifyLevel;
  readonly signal: AbortSignal;
  readonly nowMs: () => number;
}

/** What the ledger says should be at the target. */
interface Expected {
  readonly uid: number;
  readonly sizeBytes: number;
  readonly guid: string;
}

export async function verifyUser(user: LedgerUser, work: VerifyWork): Promise<Verification> {
  const targets = new Map((await work.target.list()).map((folder) => [folder.path.join("\0"), folder]));
  const folders: FolderVerification[] = [];
  for (const folder of work.folders) {
    work.signal.throwIfAborted();
    const ledger = work.known.get(folder.name);
    const target = ledger === undefined ? undefined : targets.get(ledger.cursor.target.join("\0"));
    folders.push(await new FolderCheck(work, folder, ledger, target).run());
  }
  const losses = folders.reduce((sum, { lossCount }) => sum + lossCount, 0);
  return { ...user, atMs: work.nowMs(), level: work.level, losses, folders };
}

class FolderCheck {
  readonly #work: VerifyWork;
  readonly #folder: Folder;
  readonly #ledger: FolderLedger | undefined;
  readonly #target: TargetFolder | undefined;
  readonly #losses: Loss[] = [];
  #lossCount = 0;
  /** By UID at the target. */
  readonly #expected = new Map<number, Expected>();
  /** The target did not tell under which UID it has them: by digest and size. */
  readonly #placeless = new Map<string, Expected[]>();
  #source = { messages: 0, bytes: 0 };
  #there = { messages: 0, bytes: 0 };
  #extra = 0;
  #pending = 0;

  constructor(
    work: VerifyWork,
    folder: Folder,
    ledger: FolderLedger | undefined,
    target: TargetFolder | undefined,
  ) {
    this.#work = work;
    this.#folder = folder;
    this.#ledger = ledger;
    this.#target = target;
  }

  async run(): Promise<FolderVerification> {
    const reasons = (await this.#ledger?.reasons()) ?? new Map<number, string>();
    const opened = await this.#work.source.open(this.#folder);
    if (this.#ledger !== undefined && this.#ledger.cursor.uidValidity !== opened.uidValidity) {
      this.#lose({ uid: 0, reason: "UIDVALIDITY of the source has changed since the last run" });
    } else if (opened.exists > 0) await this.#readSource(reasons);
    if (this.#target !== undefined) await this.#readTarget(this.#target);
    for (const { uid } of this.#expected.values()) this.#lose({ uid, reason: "gone from the target" });
    for (const list of this.#placeless.values()) {
      for (const { uid } of list) this.#lose({ uid, reason: "not found at the target" });
    }
    return {
      source: this.#folder.name,
      target: this.#ledger?.cursor.target.join("/") ?? "",
      sourceMessages: this.#source.messages,
      sourceBytes: this.#source.bytes,
      targetMessages: this.#there.messages,
      targetBytes: this.#there.bytes,
      extraMessages: this.#extra,
      pendingMessages: this.#pending,
      lossCount: this.#lossCount,
      losses: this.#losses,
    };
  }

  async #readSource(reasons: ReadonlyMap<number, string>): Promise<void> {
    const { source, level } = this.#work;
    const check = async ({ uid, sizeBytes, guid }: TargetMessage): Promise<void> => {
      this.#source.messages++;
      this.#source.bytes += sizeBytes;
      const record = await this.#ledger?.find(uid);
      if (record === undefined) this.#uncopied(uid);
      else if (!isStored(record)) {
        this.#lose({ uid, reason: `${record.outcome}: ${reasons.get(uid) ?? "no reason is known"}` });
      } else if (guid !== "" && guid !== record.guid) {
        this.#lose({ uid, reason: "the source gives out other bytes than were copied" });
      } else this.#expect(record.targetUid, { uid, sizeBytes: record.sizeBytes, guid: record.guid });
    };
    if (level === "digests") {
      const seen = new Set<number>();
      for await (const message of new BodyDigests(source.link.client).all()) {
        seen.add(message.uid);
        await check(message);
      }
      await this.#unread(seen, reasons);
      return;
    }
    const listed: TargetMessage[] = [];
    await source.sizes("1:*", ({ uid, sizeBytes = 0 }) => listed.push({ uid, sizeBytes, guid: "" }));
    for (const message of listed) await check(message);
  }

  /** What has come since the last run is no loss: the next run copies it. */
  #uncopied(uid: number): void {
    const { cursor } = this.#ledger ?? {};
    if (cursor === undefined || !cursor.complete || uid >= cursor.uidNext) this.#pending++;
    else this.#lose({ uid, reason: "was never copied" });
  }

  /** Listed, and not given out. */
  async #unread(seen: ReadonlySet<number>, reasons: ReadonlyMap<number, string>): Promise<void> {
    for (const { first, last } of await this.#work.source.uids()) {
      for (let uid = first; uid <= last; uid++) {
        if (seen.has(uid)) continue;
        this.#source.messages++;
        this.#lose({ uid, reason: `missing: ${reasons.get(uid) ?? "the source does not give it out"}` });
      }
    }
  }

  #expect(targetUid: number, expected: Expected): void {
    if (targetUid > 0) {
      this.#expected.set(targetUid, expected);
      return;
    }
    const key = this.#keyOf(expected);
    const list = this.#placeless.get(key);
    if (list === undefined) this.#placeless.set(key, [expected]);
    else list.push(expected);
  }

  #keyOf({ guid, sizeBytes }: { readonly guid: string; readonly sizeBytes: number }): string {
    return this.#work.level === "digests" ? guid : String(sizeBytes);
  }

  async #readTarget(target: TargetFolder): Promise<void> {
    const { level } = this.#work;
    for await (const message of this.#work.target.messages(target, level === "digests")) {
      this.#there.messages++;
      this.#there.bytes += message.sizeBytes;
      const expected = this.#expected.get(message.uid);
      if (expected === undefined) {
        if (this.#placeless.get(this.#keyOf(message))?.pop() === undefined) this.#extra++;
        continue;
      }
      this.#expected.delete(message.uid);
      const { uid, sizeBytes, guid } = expected;
      if (message.guid !== "" && message.guid !== guid) {
        this.#lose({ uid, reason: `the target has other bytes under UID ${message.uid}` });
      } else if (message.sizeBytes !== sizeBytes) {
        this.#lose({ uid, reason: `the target has ${message.sizeBytes} bytes instead of ${sizeBytes}` });
      }
    }
  }

  #lose(loss: Loss): void {
    this.#lossCount++;
    if (this.#losses.length < MAX_NAMED_LOSSES) this.#losses.push(loss);
  }
}
