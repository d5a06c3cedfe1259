/** What the store refuses, and that a refused operation leaves everything as it was. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { toUid } from "../../src/base/numbers.ts";
import type { StoreErrorCode } from "../../src/store/errors.ts";
import type { MailboxId } from "../../src/store/model.ts";
import { ALICE, StoreTrial } from "../support/store-trial.ts";

interface Places {
  readonly inbox: MailboxId;
  readonly sent: MailboxId;
  /** Holds no messages. */
  readonly intermediate: MailboxId;
}

const NOBODY = 999;
const UID = toUid(1);

const REFUSALS: readonly [StoreErrorCode, string, (trial: StoreTrial, at: Places) => Promise<unknown>][] = [
  ["mailbox_not_found", "append", (t) => t.append(NOBODY, "x")],
  ["mailbox_not_found", "open", (t) => t.store.open(NOBODY)],
  ["mailbox_not_found", "store flags", (t) => t.store.storeFlags(NOBODY, [UID], NO_CHANGE, ALICE)],
  ["mailbox_not_found", "copy to", (t, at) => t.store.copy(at.inbox, [UID], NOBODY, { move: false }, ALICE)],
  ["mailbox_not_found", "delete", (t) => t.store.delete(NOBODY)],
  ["mailbox_not_found", "annotate", (t) => t.store.annotations.set("user.none", [])],
  ["mailbox_operation_invalid", "append to an intermediate", (t, at) => t.append(at.intermediate, "x")],
  ["mailbox_exists", "create twice", (t) => t.store.create("user.alice.Sent", {})],
  ["mailbox_exists", "rename onto another", (t, at) => t.store.rename(at.sent, "user.alice.a.b", ALONE)],
  ["mailbox_operation_invalid", "rename below itself", (t, at) => t.store.rename(at.sent, "user.alice.Sent.x", TREE)],
  ["mailbox_name_invalid", "create", (t) => t.store.create("user.alice.a..b", {})],
  ["mailbox_operation_invalid", "undelete what is not deleted", (t, at) => t.store.undelete(at.sent)],
  ["conflict", "unique id of another", (t) => t.store.create("user.alice.x", { uniqueId: uniqueIdOfSent(t) })],
  ["special_use_taken", "special use twice", (t) => t.store.create("user.alice.x", { specialUse: ["sent"] })],
  ["special_use_taken", "special use set twice", (t, at) => t.store.setSpecialUse(at.inbox, ["sent"])],
  ["message_not_found", "read", (t, at) => t.store.readBody(at.inbox, toUid(77))],
  ["message_not_found", "replace", (t, at) => t.store.replace(at.inbox, toUid(77), at.sent, t.message("x"), ALICE)],
  ["message_not_found", "unexpunge a live one", (t, at) => t.store.unexpunge(at.inbox, [UID], ALICE)],
  ["message_not_found", "append a body by a GUID that is not there", (t, at) =>
    t.store.append(at.inbox, [{ body: { guid: "00".repeat(20), partition: "default" }, ...NO_FLAGS }], ALICE)],
  ["message_too_big", "append", (t, at) => t.append(at.inbox, "x".repeat(2000))],
  ["keyword_invalid", "append", (t, at) => t.store.append(at.inbox, [t.message("x", 0, ["a b"])], ALICE)],
  ["keyword_limit", "append", (t, at) => t.store.append(at.inbox, [t.message("x", 0, manyKeywords())], ALICE)],
  ["keyword_limit", "second of two", (t, at) =>
    t.store.append(at.inbox, [t.message("x", 0, ["first"]), t.message("x", 0, manyKeywords())], ALICE)],
  ["annotation_invalid", "message", (t, at) => t.store.annotateMessages(at.inbox, [UID], note("comment", 1), ALICE)],
  ["annotation_too_big", "message", (t, at) =>
    t.store.annotateMessages(at.inbox, [UID], note("/comment", 70_000), ALICE)],
  ["over_quota", "append", (t, at) => t.append(at.inbox, "x".repeat(500))],
  ["over_quota", "copy", (t, at) => t.store.copy(at.inbox, [UID], at.sent, { move: false }, ALICE)],
  ["quota_root_not_found", "remove", (t) => t.store.quotas.remove("user.alice.Sent")],
]; // prettier-ignore

const NO_FLAGS = { systemFlags: 0, keywords: [] };
const NO_CHANGE = { mode: "add", ...NO_FLAGS } as const;
const ALONE = { withChildren: false };
const TREE = { withChildren: true };

function note(entry: string, bytes: number) {
  return [{ entry, userId: "", value: Buffer.alloc(bytes) }];
}

function manyKeywords(): string[] {
  return Array.from({ length: 129 }, (_, i) => `k${i}`);
}

function uniqueIdOfSent({ store }: StoreTrial): string {
  return store.mailboxes.get("user.alice.Sent").uniqueId;
}

/** All that readers see, the feed included. */
function everything({ store }: StoreTrial): unknown {
  const mailboxes = [...store.mailboxes.list("")];
  return {
    mailboxes,
    records: mailboxes.map(({ id }) => [...store.readRecords(id, { includeExpunged: true })]),
    quotas: [...store.quotas.list("")],
    head: store.feed.head,
  };
}

describe("store refusals", () => {
  for (const [code, what, attempt] of REFUSALS) {
    test(`${code}: ${what}`, async (context) => {
      const trial = await StoreTrial.open(context, { settings: { maxMessageBytes: 1500 } });
      const { store } = trial;
      const { id: inbox } = await store.create("user.alice", {});
      const { id: sent } = await store.create("user.alice.Sent", { specialUse: ["sent"] });
      await store.create("user.alice.a.b", {});
      const intermediate = store.mailboxes.find("user.alice.a")!.id;
      const [uid] = await trial.append(inbox, "y".repeat(300));
      assert.equal(uid, UID);
      await store.quotas.set("user.alice", { storageLimitBytes: 1100 });
      const before = everything(trial);
      await assert.rejects(attempt(trial, { inbox, sent, intermediate }), { name: "StoreError", code });
      assert.deepEqual(everything(trial), before);
      await trial.reopen();
      assert.deepEqual(everything(trial), before);
    });
  }
});
