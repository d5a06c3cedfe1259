/** All folders of one user, over connections that are open: which become which, then each in turn. */
import type { EngineContext } from "../engine.ts";
import type { FolderLedger } from "../ledger/folder-ledger.ts";
import { attributesOf, firstCursor } from "./first-cursor.ts";
import { mappingRules } from "./mapping-rules.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { MigrationJob } from "../model.ts";
import { ImapClientError } from "../../imap/client-command.ts";
import type { Folder, FolderList } from "../../imap/client-folders.ts";
import { isUnchanged, syncFolder } from "./folder-sync.ts";
import type { JobReport } from "./job-report.ts";
import { type GoneFolders, goneFolders } from "./gone-folders.ts";
import { HOLDS_NO_MESSAGES, mapFolders, type Mapping } from "./mapping.ts";
import type { MigrateImapSettings } from "./options.ts";
import { placedRecords } from "./placeless.ts";
import { renamedFolders } from "./renamed-folders.ts";
import type { ImapSource } from "./source.ts";
import type { Verification, VerifyLevel } from "../ledger/verification.ts";
import { verifyUser } from "./verify.ts";
import type { FolderAttributes, MailTarget, TargetFolder } from "./target.ts";
import { countOf } from "../../wire/number-set.ts";

export interface UserWork {
  readonly source: ImapSource;
  readonly target: MailTarget;
  readonly ledger: Ledger;
  /** By name at the source. */
  readonly known: Map<string, FolderLedger>;
  readonly job: MigrationJob;
  readonly context: EngineContext;
  readonly report: JobReport;
  readonly settings: MigrateImapSettings;
  readonly conf: ReadonlyMap<string, string>;
  readonly windowSize: number;
  /** By folder: messages whose FETCH ended the connection. */
  readonly givenUp: ReadonlyMap<string, ReadonlyMap<number, string>>;
  /** Before a FETCH: its first message. */
  readonly asked: (folder: string, uid: number) => void;
}

interface Step {
  readonly folder: Folder;
  readonly path: readonly string[];
}
interface Prepared extends Step {
  readonly target: TargetFolder;
  readonly ledger: FolderLedger;
}

/** Folders that are made at a time. */
const FOLDERS_A_STEP = 100;
/** Folders that are being stored while the next is read. */
const FOLDERS_AHEAD = 2;
const NONE_GIVEN_UP: ReadonlyMap<number, string> = new Map();

export class UserSync {
  readonly #work: UserWork;
  #targetFolders: ReadonlyMap<string, TargetFolder> = new Map();

  constructor(work: UserWork) {
    this.#work = work;
  }

  async run(): Promise<void> {
    const { source, job, report, context, settings } = this.#work;
    const list = await source.list();
    await this.#listTarget();
    report.targetBefore = sum([...this.#targetFolders.values()], ({ messages }) => messages);
    let mapping = this.#map(list);
    const gone = await goneFolders(source.link, this.#work.known.values(), list.folders);
    if (!job.dryRun && (await this.#renameFolders(list, mapping, gone))) mapping = this.#map(list);
    const folders = list.folders
      .filter(({ name, status }) => mapping.targets.has(name) && status !== undefined)
      .sort((a, b) => Number(isInbox(b)) - Number(isInbox(a)));
    for (const [name, reason] of mapping.left)
      context.log.debug("folder stays behind", { folder: name, reason });
    this.#tellUnreadable(list, mapping);
    report.source = {
      messages: sum(folders, ({ status }) => status?.messages ?? 0),
      bytes: sum(folders, ({ status }) => status?.sizeBytes ?? 0),
    };
    report.messagesTotal = report.source.messages;
    report.bytesTotal = report.source.bytes;
    const startMs = context.clock.monotonicMs();
    const changed = folders
      .map((folder): Step => ({ folder, path: mapping.targets.get(folder.name) ?? [] }))
      .filter((step) => this.#hasWork(step));
    if (job.dryRun) {
      for (const step of changed) await this.#dryRun(step);
      // Of what earlier runs have copied every byte is compared.
      if (this.#work.known.size > 0) await this.#verify(folders, "digests");
    } else {
      await this.#syncAll(await this.#prepare(changed));
      await this.#removeDeleted(list, mapping, gone);
    }
    if (job.phase === "CUTOVER" && !job.dryRun && settings.verify !== "off") {
      await this.#verify(folders, settings.verify);
    }
    report.copyMs += context.clock.monotonicMs() - startMs;
    this.#count();
  }

  /** Compares both sides without a copy, and keeps what it finds. */
  async verify(level: VerifyLevel): Promise<Verification> {
    const list = await this.#work.source.list();
    const mapping = this.#map(list);
    const folders = list.folders.filter(
      ({ name, status }) => mapping.targets.has(name) && status !== undefined,
    );
    return await this.#verify(folders, level);
  }

  async #verify(folders: readonly Folder[], level: VerifyLevel): Promise<Verification> {
    const { source, target, known, context, ledger, job, report } = this.#work;
    const { user } = job;
    const nowMs = (): number => context.clock.nowMs();
    const verification = await verifyUser(
      { source: user.source, sourceUid: user.sourceUid },
      { source, target, known, folders, level, signal: context.signal, nowMs },
    );
    const { atMs, losses } = verification;
    await ledger.saveVerification(user, { atMs, losses, json: JSON.stringify(verification) }, context.fence);
    if (losses > 0) report.problem(`verification by ${level}: ${losses} losses, see the report`);
    return verification;
  }

  #map(list: FolderList): Mapping {
    const { target, known, source, settings, conf, job } = this.#work;
    const decided = new Map([...known].map(([name, { cursor }]) => [name, cursor.target]));
    const rules = mappingRules(settings, conf, job.user.excludeFolders, source.isGmail);
    return mapFolders(list, rules, target.names, decided);
  }

  async #listTarget(): Promise<void> {
    const folders = await this.#work.target.list();
    this.#targetFolders = new Map(folders.map((folder) => [folder.path.join("\0"), folder]));
  }

  #hasWork({ folder, path }: Step): boolean {
    const { report, job, known } = this.#work;
    const status = folder.status!;
    const before = known.get(folder.name);
    const targetFolder = this.#targetFolders.get(path.join("\0"));
    const isCutover = job.phase === "CUTOVER";
    if (
      before === undefined ||
      !isUnchanged(status, before, targetFolder, isCutover) ||
      before.cursor.attributes !== attributesOf(folder) ||
      (isCutover && before.cursor.counts.skipped > 0)
    ) {
      return true;
    }
    report.known(status.messages, status.sizeBytes ?? 0);
    return false;
  }

  /** Makes what is missing at the target and in the ledger, many folders at a time. */
  async #prepare(steps: readonly Step[]): Promise<readonly Prepared[]> {
    const { ledger, job, context, known } = this.#work;
    const prepared: Prepared[] = [];
    for (let at = 0; at < steps.length; at += FOLDERS_A_STEP) {
      const some = steps.slice(at, at + FOLDERS_A_STEP);
      const targets = await Promise.all(some.map((step) => this.#targetFolder(step)));
      const fresh = some
        .map((step, index) => ({ step, target: targets[index]! }))
        .filter(({ step }) => !known.has(step.folder.name));
      const made = await ledger.addFolders(
        job.user,
        fresh.map(({ step, target }) => ({
          sourceFolder: step.folder.name,
          cursor: firstCursor(step.folder, step.path, target),
        })),
        context.fence,
      );
      for (const folder of made) known.set(folder.sourceFolder, folder);
      for (const [index, step] of some.entries()) {
        prepared.push({ ...step, target: targets[index]!, ledger: known.get(step.folder.name)! });
      }
    }
    return prepared;
  }

  /** While one folder is being stored the next is read. */
  async #syncAll(steps: readonly Prepared[]): Promise<void> {
    const { source, context } = this.#work;
    const finishing: Promise<void>[] = [];
    let failure: unknown;
    try {
      for (const step of steps) {
        context.signal.throwIfAborted();
        const finish = await this.#sync(step);
        finishing.push(
          finish().catch((error: unknown) => {
            failure ??= error;
            // The folder that is being read would go on to no purpose.
            source.destroy();
          }),
        );
        if (finishing.length >= FOLDERS_AHEAD) await finishing.shift();
        if (failure !== undefined) break;
      }
    } catch (error) {
      failure ??= error;
    }
    await Promise.all(finishing);
    if (failure !== undefined) throw failure;
  }

  async #sync(step: Prepared): Promise<() => Promise<void>> {
    const { source, target, settings, context, report, job, givenUp, windowSize, asked } = this.#work;
    const { folder, path, ledger } = step;
    report.enter(folder.name);
    const { saved, already, skipped, storedBytes } = ledger.cursor.counts;
    report.known(saved + already + skipped, storedBytes);
    const isCutover = job.phase === "CUTOVER";
    const attributes = this.#carryAttributes(step, await this.#aclOf(step));
    attributes.catch(() => undefined);
    const syncing = await syncFolder({
      source,
      target,
      folder,
      targetFolder: step.target,
      ledger,
      pace: context.pace,
      clock: context.clock,
      signal: context.signal,
      log: context.log,
      settings: {
        propagateDeletes: settings.deletes,
        compareFlags: isCutover,
        retryLosses: isCutover,
        windowSize,
        maxMessageBytes: smallest(settings.maxMessageBytes, target.maxMessageBytes),
        withoutLabels: source.isGmail && folder.specialUse === "all",
        givenUp: givenUp.get(folder.name) ?? NONE_GIVEN_UP,
      },
      copied: (messages, bytes, saved) => {
        report.copied(messages, bytes);
        report.saved(path.join("/"), saved);
      },
      asked: (uid) => asked(folder.name, uid),
      problem: (text) => report.problem(`${folder.name}: ${text}`),
      attributes,
    });
    return async () => {
      const result = await syncing.finish();
      report.expunged(result.expunged);
      context.log.info("folder is migrated", { folder: folder.name, target: path.join("/"), ...result });
      const { skipped, missing } = ledger.cursor.counts;
      if (skipped + missing > 0) report.problem(`${folder.name}: ${skipped} skipped, ${missing} missing`);
      ledger.rest();
    };
  }

  /** There, or made; with the answer of `ensureFolder` a folder that was never used becomes the source's. */
  async #targetFolder({ folder, path }: Step): Promise<TargetFolder> {
    const found = this.#targetFolders.get(path.join("\0"));
    const before = this.#work.known.get(folder.name);
    if (found !== undefined && before !== undefined) {
      return { ...found, keepsUids: found.keepsUids && before.cursor.keepsUids };
    }
    const uidValidity = folder.status?.uidValidity ?? 0;
    const specialUse = folder.specialUse === "all" ? "archive" : folder.specialUse;
    return await this.#work.target.ensureFolder({ path, uidValidity, specialUse });
  }

  #carriesAttributes({ folder, ledger }: Prepared): boolean {
    return ledger.cursor.attributes !== attributesOf(folder) || this.#work.job.phase === "CUTOVER";
  }

  async #aclOf(step: Prepared): Promise<FolderAttributes["acl"]> {
    const { source, settings } = this.#work;
    const wanted = settings.acl && source.link.capabilities.has("ACL") && this.#carriesAttributes(step);
    return wanted ? await source.acl(step.folder) : [];
  }

  async #carryAttributes(step: Prepared, acl: FolderAttributes["acl"]): Promise<string> {
    const { target, report } = this.#work;
    const { folder, path } = step;
    const attributes = attributesOf(folder);
    if (!this.#carriesAttributes(step)) return attributes;
    const problems = await target.setAttributes(path, {
      isSubscribed: folder.isSubscribed,
      specialUse: folder.specialUse === "all" ? undefined : folder.specialUse,
      acl,
    });
    for (const problem of problems) report.problem(`${folder.name}: ${problem}`);
    return attributes;
  }

  /** Counts only; the folder is opened read-only at the source. */
  async #dryRun({ folder }: Step): Promise<void> {
    const { source, report, known } = this.#work;
    const before = known.get(folder.name);
    const opened = await source.open(folder);
    const isKnown = before !== undefined && before.cursor.uidValidity === opened.uidValidity;
    const first = isKnown ? before.cursor.uidNext : 1;
    if (opened.exists === 0 || first >= opened.uidNext) return;
    const open = await source.uids([{ first, last: opened.uidNext - 1 }]);
    report.saved(folder.name, countOf(open));
  }

  /** True when at least one was. */
  async #renameFolders(list: FolderList, mapping: Mapping, { deleted }: GoneFolders): Promise<boolean> {
    const { ledger, known, target, context } = this.#work;
    const renamed = renamedFolders(known, list.folders, deleted).filter(({ folder }) =>
      mapping.targets.has(folder.name),
    );
    for (const { ledger: old, folder } of renamed) {
      const to = mapping.targets.get(folder.name) ?? [];
      const from = old.cursor.target;
      const isThere = (path: readonly string[]): boolean => this.#targetFolders.has(path.join("\0"));
      // A server that takes children along has done it already.
      if (isThere(from) && !isThere(to)) await target.renameFolder(from, to);
      else if (isThere(from)) continue;
      old.change({ target: to });
      known.delete(old.sourceFolder);
      known.set(folder.name, await ledger.renameFolder(old, folder.name, context.fence));
      context.log.info("folder was renamed at the source", { from: old.sourceFolder, to: folder.name });
      await this.#listTarget();
    }
    return renamed.length > 0;
  }

  /** What was copied of folders that the source has no more. */
  async #removeDeleted(
    list: FolderList,
    mapping: Mapping,
    { deleted, doubtful }: GoneFolders,
  ): Promise<void> {
    const { known, settings, target, ledger, context, report } = this.#work;
    for (const folder of known.values()) {
      const { sourceFolder, cursor } = folder;
      const doubt = doubtful.get(sourceFolder);
      if (doubt !== undefined) {
        report.problem(`${sourceFolder}: not in the source's list and kept, since ${doubt}`);
      }
      // Excluded since it was copied: what is there stays.
      const isLeft = (mapping.left.get(sourceFolder) ?? HOLDS_NO_MESSAGES) !== HOLDS_NO_MESSAGES;
      if (!deleted.has(sourceFolder) || isLeft) continue;
      if (!settings.deletes) continue;
      // An empty list is a server in trouble rather than a user who has deleted everything.
      if (list.folders.length === 0) throw new ImapClientError("LIST: the source lists no folder at all");
      const there = this.#targetFolders.get(cursor.target.join("\0"));
      if (there !== undefined && there.uidValidity === cursor.targetUidValidity) {
        const placed = await placedRecords({ target, targetFolder: there, ledger: folder });
        const uids = placed.map(({ targetUid }) => targetUid);
        if (uids.length > 0) await target.expunge(there, uids);
        await target.removeFolder(cursor.target);
        report.expunged(uids.length);
      }
      await ledger.removeFolder(folder, context.fence);
      known.delete(sourceFolder);
      context.log.info("folder was deleted at the source", { folder: sourceFolder });
    }
  }

  #tellUnreadable(list: FolderList, mapping: Mapping): void {
    for (const { name, status } of list.folders) {
      if (!mapping.targets.has(name) || status !== undefined) continue;
      this.#work.report.problem(`${name}: the source tells no STATUS of it, it was not copied`);
    }
  }

  #count(): void {
    const { known, report } = this.#work;
    const counts = [...known.values()].map(({ cursor }) => cursor.counts);
    report.target = {
      messages: sum(counts, ({ saved, already }) => saved + already),
      bytes: sum(counts, ({ storedBytes }) => storedBytes),
    };
  }
}

/** 0 and undefined = no limit. */
function smallest(...limits: readonly (number | undefined)[]): number | undefined {
  const set = limits.filter((limit) => limit !== undefined && limit > 0) as number[];
  return set.length === 0 ? undefined : Math.min(...set);
}

function isInbox({ name }: Folder): boolean {
  return name.toUpperCase() === "INBOX";
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
