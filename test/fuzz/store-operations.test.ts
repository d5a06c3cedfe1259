/** Random operations through the real store against the plain model of `store-oracle.ts`, with reopening between. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { toModseq, toUid } from "../../src/base/numbers.ts";
import { SystemFlag, type MailboxId, type MessageRecord } from "../../src/store/model.ts";
import type { DiskStore } from "../../src/store/disk-store.ts";
import { openStore } from "../../src/store/open.ts";
import type { MailboxView } from "../../src/store/port.ts";
import { SimClock } from "../sim/sim-clock.ts";
import { StoreChecks, toRecord } from "./store-checks.ts";
import { OracleMailbox, OWNER, type OracleRecord } from "./store-oracle.ts";

const RUNS = Number(process.env["ROOKERY_MODEL_RUNS"] ?? 40);
const SEED = Number(process.env["ROOKERY_MODEL_SEED"] ?? 20_260_101);
const MAX_STEPS = 40;
const MAX_MAILBOXES = 5;
const DAY = 86_400;
const KEYWORDS = ["$Forwarded", "Work", "later"];
const USERS = [OWNER, "bob"];
const ENTRIES = ["/comment", "/altsubject"];
const PARTITIONS = ["default", "second"];
const QUOTA_ROOT = "user.alice";

interface Step {
  readonly what: string;
  readonly box: number;
  readonly other: number;
  /** Which messages: bit i = every message whose position has i as its rest modulo 8. */
  readonly pick: number;
  readonly flags: number;
  readonly keywords: number;
  readonly user: number;
  readonly extra: number;
}

const KINDS = [
  "append", "append", "append", "deliver", "storeFlags", "storeFlags", "storeFlags", "expunge", "expunge",
  "unexpunge", "copy", "move", "replace", "annotate", "annotate", "create", "rename", "delete", "undelete",
  "sharedSeen", "expire", "reopen", "replicate", "replicate", "renumber",
]; // prettier-ignore

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    what: fc.constantFrom(...KINDS),
    box: fc.nat(MAX_MAILBOXES),
    other: fc.nat(MAX_MAILBOXES),
    pick: fc.nat(255),
    flags: fc.nat(63).map((bits) => bits & ~SystemFlag.expunged),
    keywords: fc.nat(7),
    user: fc.nat(1),
    extra: fc.nat(1000),
  }),
  { minLength: 5, maxLength: MAX_STEPS },
);

class Trial {
  readonly clock = new SimClock();
  readonly folder = mkdtempSync(join(tmpdir(), "rookery-model-"));
  readonly #mailboxes: OracleMailbox[] = [];
  readonly #deleted: OracleMailbox[] = [];
  readonly #views = new Map<string, MailboxView>();
  #store!: DiskStore;
  #names = 0;

  get now(): number {
    return Math.floor(this.clock.nowMs() / 1000);
  }

  async open(): Promise<void> {
    const { folder, clock } = this;
    this.#store = await openStore({ folder, clock, inline: true });
    for (const mailbox of this.#mailboxes) await this.#hold(mailbox);
  }

  async close(): Promise<void> {
    for (const view of this.#views.values()) view.release();
    this.#views.clear();
    await this.#store.close();
  }

  async #hold(mailbox: OracleMailbox): Promise<void> {
    this.#views.set(mailbox.uniqueId, await this.#store.open(this.#id(mailbox)));
  }

  #id(mailbox: OracleMailbox): MailboxId {
    return this.#store.mailboxes.byUniqueId(mailbox.uniqueId)!.id;
  }

  async create(name: string, partition: string): Promise<OracleMailbox> {
    const made = await this.#store.create(name, { partition });
    assert.equal(made.partition, partition);
    const mailbox = new OracleMailbox(made.uniqueId, name, partition);
    this.#mailboxes.push(mailbox);
    await this.#hold(mailbox);
    return mailbox;
  }

  async setQuota(): Promise<void> {
    await this.#store.quotas.set(QUOTA_ROOT, { storageLimitBytes: 2 ** 40 });
  }

  async run(step: Step): Promise<void> {
    this.clock.advance(1000 * (1 + (step.extra % 3)));
    const mailbox = this.#mailboxes[step.box % this.#mailboxes.length]!;
    const other = this.#mailboxes[step.other % this.#mailboxes.length]!;
    await this.#perform(step, mailbox, other);
    for (const touched of new Set([mailbox, other])) await this.check(touched);
  }

  #pickFrom(records: readonly OracleRecord[], step: Step): number[] {
    return records.filter((_, i) => (step.pick >>> (i % 8)) & 1).map((record) => record.uid);
  }

  #body(step: Step): Buffer {
    // Few different ones, so that bodies are shared.
    return Buffer.from(`Subject: ${step.extra % 7}\r\n\r\n${"x".repeat(step.extra % 50)}\r\n`);
  }

  async #perform(step: Step, mailbox: OracleMailbox, other: OracleMailbox): Promise<void> {
    const store = this.#store;
    const { now } = this;
    const id = this.#id(mailbox);
    const user = USERS[step.user]!;
    const by = { userId: user, sessionId: 7 };
    const keywords = KEYWORDS.filter((_, i) => (step.keywords >>> i) & 1);
    const uids = this.#pickFrom(mailbox.live(), step).map(toUid);
    switch (step.what) {
      case "append": {
        const message = {
          body: this.#body(step),
          flags: step.flags,
          keywords,
          internalDate: step.extra,
          saveDate: now,
        };
        const messages = Array.from({ length: 1 + (step.pick % 3) * 20 }, () => message);
        const staged = messages.map(() => ({
          body: store.stageBuffer(message.body),
          systemFlags: step.flags,
          keywords,
          internalDate: step.extra,
        }));
        const appended = await store.append(id, staged, by);
        assert.deepEqual(appended.uids, mailbox.append(messages, user, now));
        assert.equal(appended.modseq, mailbox.highestModseq);
        break;
      }
      case "deliver": {
        const body = this.#body(step);
        const prefix = Buffer.from(step.pick & 1 ? "X-Prefix: 1\r\n" : "");
        const targets = mailbox === other ? [mailbox] : [mailbox, other];
        const results = await store.deliver(
          store.stageBuffer(body),
          targets.map((target) => ({ mailbox: this.#id(target), systemFlags: 0, keywords, prefix })),
        );
        for (const [i, target] of targets.entries()) {
          const whole = Buffer.concat([prefix, body]);
          const [uid] = target.append(
            [{ body: whole, flags: 0, keywords, internalDate: now, saveDate: now }],
            "",
            now,
          );
          const uidValidity = store.mailboxes.byUniqueId(target.uniqueId)!.uidValidity;
          assert.deepEqual(results[i], { status: "delivered", uid, uidValidity });
        }
        break;
      }
      case "storeFlags": {
        const mode = (["add", "remove", "replace"] as const)[step.extra % 3]!;
        const unchangedSince =
          step.extra % 5 === 0 ? Math.max(0, mailbox.highestModseq - (step.extra % 4)) : undefined;
        const result = await store.storeFlags(
          id,
          uids,
          {
            mode,
            systemFlags: step.flags,
            keywords,
            keywordsAllowed: true,
            ...(unchangedSince === undefined ? {} : { unchangedSince: toModseq(unchangedSince) }),
          },
          by,
        );
        const expected = mailbox.storeFlags(
          uids,
          { mode, flags: step.flags, keywords, unchangedSince },
          user,
          now,
        );
        assert.deepEqual([...result.changed], expected.changed);
        assert.deepEqual([...result.modified], expected.modified);
        break;
      }
      case "expunge": {
        const onlyDeleted = step.extra % 2 === 0;
        const all = step.extra % 3 === 0;
        const result = await store.expunge(id, all ? "all" : uids, { onlyDeleted }, by);
        const wanted = mailbox
          .live()
          .filter(
            (r) => (all || uids.includes(toUid(r.uid))) && (!onlyDeleted || r.flags & SystemFlag.deleted),
          );
        assert.deepEqual(
          [...result.uids],
          mailbox.expunge(
            wanted.map((r) => r.uid),
            now,
          ),
        );
        assert.equal(result.modseq, mailbox.highestModseq);
        break;
      }
      case "unexpunge": {
        const dead = this.#pickFrom(mailbox.tombstones(), step).map(toUid);
        if (dead.length === 0) break;
        const result = await store.unexpunge(id, dead, by);
        assert.deepEqual([...result.uids], mailbox.unexpunge(dead, now));
        break;
      }
      case "copy":
      case "move": {
        const move = step.what === "move";
        const result = await store.copy(id, uids, this.#id(other), { move }, by);
        const expected = other.copyFrom(mailbox, uids, move, user, now);
        assert.deepEqual([...result.targetUids], expected);
        assert.equal(result.modseq, other.highestModseq);
        break;
      }
      case "replace": {
        if (uids.length === 0) break;
        const body = this.#body(step);
        const message = { body: store.stageBuffer(body), systemFlags: step.flags, keywords };
        const result = await store.replace(id, uids[0]!, this.#id(other), message, by);
        const record = { body, flags: step.flags, keywords, internalDate: now, saveDate: now };
        assert.deepEqual([...result.uids], other.append([record], user, now));
        mailbox.expunge([uids[0]!], now);
        break;
      }
      case "annotate": {
        const entry = ENTRIES[step.extra % 2]!;
        const value = step.extra % 5 === 0 ? undefined : Buffer.from(`v${step.extra}`);
        const changes = [{ entry, userId: step.extra % 3 === 0 ? user : "", value }];
        const { modseq } = await store.annotateMessages(id, uids, changes, by);
        mailbox.annotate(uids, changes, now);
        assert.equal(modseq, mailbox.highestModseq);
        break;
      }
      case "create":
        if (this.#mailboxes.length < MAX_MAILBOXES) {
          await this.create(`user.alice.box${++this.#names}`, PARTITIONS[step.extra % 2]!);
        }
        break;
      case "rename": {
        if (mailbox.name === "user.alice") break;
        const newName = `user.alice.box${++this.#names}`;
        const partition = PARTITIONS[step.extra % 2]!;
        await store.rename(id, newName, { withChildren: false, partition });
        Object.assign(mailbox, { name: newName, partition });
        mailbox.highestModseq++;
        break;
      }
      case "delete": {
        if (mailbox.name === "user.alice") break;
        this.#views.get(mailbox.uniqueId)!.release();
        this.#views.delete(mailbox.uniqueId);
        this.#mailboxes.splice(this.#mailboxes.indexOf(mailbox), 1);
        const immediate = step.extra % 3 === 0;
        await store.delete(id, { immediate });
        assert.equal(store.mailboxes.find(mailbox.name), undefined);
        if (!immediate) {
          mailbox.highestModseq++;
          this.#deleted.push(mailbox);
        } else await assert.rejects(store.open(id), { code: "mailbox_not_found" });
        break;
      }
      case "renumber": {
        const wanted = new Map(uids.map((uid, at) => [Number(uid), step.extra + 2 * (uids.length - at)]));
        const nextUid = 1 + step.keywords * 20;
        const made = await store.renumber(id, { uidValidity: step.extra + 1, uids: wanted, nextUid });
        this.#views.get(mailbox.uniqueId)!.release();
        this.#views.delete(mailbox.uniqueId);
        const fresh = mailbox.renumbered(made.uniqueId, wanted, nextUid, now);
        this.#mailboxes.splice(this.#mailboxes.indexOf(mailbox), 1, fresh);
        await this.#hold(fresh);
        await this.check(fresh);
        break;
      }
      case "undelete": {
        const back = this.#deleted.pop();
        if (back === undefined) break;
        const deletedName = store.mailboxes.byUniqueId(back.uniqueId)?.name;
        // Expiry may have taken it.
        if (deletedName === undefined) break;
        assert.equal((await store.undelete(this.#id(back))).name, back.name);
        back.highestModseq++;
        this.#mailboxes.push(back);
        await this.#hold(back);
        await this.check(back);
        break;
      }
      case "sharedSeen":
        mailbox.sharedSeen = !mailbox.sharedSeen;
        await store.setOptions(id, mailbox.sharedSeen ? ["sharedSeen"] : []);
        break;
      case "expire": {
        if (step.extra % 4 === 0) this.clock.advance(8 * DAY * 1000);
        await store.expire(this.now);
        for (const each of [...this.#mailboxes, ...this.#deleted]) each.expire(this.now - 7 * DAY);
        break;
      }
      case "reopen":
        await this.close();
        await this.open();
        break;
      case "replicate":
        await this.#replicate(step, mailbox);
        break;
      default:
        assert.fail(step.what);
    }
  }

  /** A master changes, expunges and inserts, below the last UID too, with modseqs of its own. */
  async #replicate(step: Step, mailbox: OracleMailbox): Promise<void> {
    const records: (MessageRecord & { body?: ReturnType<DiskStore["stageBuffer"]> })[] = [];
    let modseq = mailbox.highestModseq + (step.extra % 3);
    for (const record of mailbox.live().filter((_, i) => (step.pick >>> (i % 8)) & 1)) {
      modseq += step.keywords & 1;
      record.modseq = modseq;
      record.lastUpdated = this.now - 5;
      record.flags = step.extra % 4 === 0 ? record.flags | SystemFlag.expunged : step.flags;
      record.keywords = new Set(KEYWORDS.slice(0, step.keywords % 3));
      if (step.extra % 5 === 0) record.threadId = "00000000000000ab";
      if (step.extra % 7 === 0) record.internalDate = step.extra;
      if ((record.flags & SystemFlag.expunged) === 0) {
        record.annotations = new Map([
          ["/comment\0", { entry: "/comment", userId: "", modseq, value: Buffer.from(`r${step.extra}`) }],
        ]);
      }
      records.push(toRecord(record));
    }
    const free = [...Array(mailbox.lastUid + 3).keys()].filter((uid) => uid > 0 && !mailbox.records.has(uid));
    const uid = free[step.extra % free.length];
    if (uid !== undefined) {
      const keep = mailbox.lastUid;
      mailbox.lastUid = uid - 1;
      const body = this.#body(step);
      mailbox.add(
        { body, flags: step.flags, keywords: ["Work"], internalDate: 5, saveDate: 6 },
        modseq,
        this.now - 9,
      );
      mailbox.lastUid = Math.max(keep, uid);
      records.push({ ...toRecord(mailbox.records.get(uid)!), body: this.#store.stageBuffer(body) });
    }
    mailbox.highestModseq = modseq;
    // A master that knows fewer UIDs takes none back.
    const lastUid = Math.max(0, mailbox.lastUid - (step.extra % 3));
    const header = { highestModseq: toModseq(modseq), lastUid };
    await this.#store.apply({ mailbox: this.#id(mailbox), header, records });
  }

  async checkAll(): Promise<void> {
    for (const mailbox of this.#mailboxes) await this.check(mailbox);
  }

  async check(mailbox: OracleMailbox): Promise<void> {
    if (!this.#mailboxes.includes(mailbox)) return;
    const checks = new StoreChecks(this.#store, this.folder, USERS);
    await checks.check(mailbox, this.#views.get(mailbox.uniqueId)!);
    checks.checkQuota(QUOTA_ROOT, this.#mailboxes);
  }
}

test("DiskStore does what its plain model does, with reopening between", { timeout: 300_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.boolean(), async (list, withQuota) => {
      const trial = new Trial();
      try {
        await trial.open();
        await trial.create("user.alice", "default");
        if (withQuota) await trial.setQuota();
        await trial.create("user.alice.Sent", "default");
        for (const step of list) await trial.run(step);
        await trial.close();
        await trial.open();
        await trial.checkAll();
        await trial.close();
      } finally {
        rmSync(trial.folder, { recursive: true, force: true });
      }
    }),
    { numRuns: RUNS, seed: SEED },
  );
});
