/** Everything beside messages and names: annotations of mailboxes, seen states, subscriptions, quota, followers. */
import { StoreError } from "../errors.ts";
import type { MailboxName } from "../model.ts";
import { sortKey } from "../names.ts";
import { annotationBytesOf, checkAnnotations } from "./annotations.ts";
import type { Batch } from "./batch.ts";
import type { Apply } from "./operation.ts";
import { writeSeenState } from "./seen-sets.ts";

/** Server annotations stand under this mailbox number. */
const SERVER = 0;

export const setAnnotations: Apply<"setAnnotations"> = (batch, { name, changes }) => {
  checkAnnotations(changes);
  const state = name === "" ? undefined : batch.byName(name);
  if (name !== "" && state === undefined) {
    throw new StoreError("mailbox_not_found", `mailbox ${name} does not exist`);
  }
  batch.changes++;
  const id = state?.id ?? SERVER;
  // Cyrus counts changes of annotations in the folder's modseq.
  const modseq = state === undefined ? 0 : (state.numbers.folderModseq = state.nextModseq());
  for (const { entry, userId, value } of changes) {
    if (value === undefined) {
      batch.index
        .sql("DELETE FROM mailbox_annotations WHERE mailbox = ? AND entry = ? AND user_id = ?")
        .run(id, entry, userId);
    } else {
      batch.index
        .sql("INSERT OR REPLACE INTO mailbox_annotations VALUES (?, ?, ?, ?, ?)")
        .run(id, entry, userId, modseq, value);
    }
  }
  if (state === undefined) {
    for (const user of new Set(changes.map(({ userId }) => userId))) batch.feedOfUser("annotation", user, "");
  } else batch.feed("annotation", state);
  return undefined;
};

export const setSeen: Apply<"setSeen"> = (batch, value) => {
  writeSeenState(batch, value);
  const id = batch.index.idOfUniqueId(value.uniqueId);
  const name = id === undefined ? "" : batch.mailbox(id).statics.name;
  batch.feedOfUser("seen", value.userId, name, value.uniqueId);
  return undefined;
};

export const subscribe: Apply<"subscribe"> = (batch, { user, name, subscribed }) => {
  const sql = subscribed
    ? "INSERT OR IGNORE INTO subscriptions VALUES (?, ?)"
    : "DELETE FROM subscriptions WHERE user_id = ? AND key = ?";
  if (batch.index.sql(sql).run(user, sortKey(name)).changes > 0) batch.feedOfUser("subscription", user, name);
  return undefined;
};

export const setQuota: Apply<"setQuota"> = (batch, { root, limits }) => {
  const { index } = batch;
  const isNew = !batch.quotas.has(root);
  batch.quotas.flush();
  batch.changes++;
  if (isNew) {
    index.sql("INSERT INTO quota_roots VALUES (?, 0, NULL, NULL, NULL, NULL, 0, 0, 0, 0)").run(sortKey(root));
  }
  const columns = {
    storageLimitBytes: "storage_limit",
    messageLimit: "message_limit",
    annotationStorageLimitBytes: "annotation_limit",
    mailboxLimit: "mailbox_limit",
  } as const;
  for (const [field, column] of Object.entries(columns)) {
    if (!(field in limits)) continue;
    const value = limits[field as keyof typeof columns] ?? null;
    index.sql(`UPDATE quota_roots SET ${column} = ? WHERE key = ?`).run(value, sortKey(root));
  }
  index.sql("UPDATE quota_roots SET modseq = modseq + 1 WHERE key = ?").run(sortKey(root));
  batch.quotas.forget();
  if (isNew) assignRoots(batch, root);
  batch.feedOfUser("quota", "", root);
  return undefined;
};

export const removeQuota: Apply<"removeQuota"> = (batch, { root }) => {
  if (!batch.quotas.has(root)) throw new StoreError("quota_root_not_found", `${root} is no quota root`);
  batch.quotas.flush();
  batch.changes++;
  batch.index.sql("DELETE FROM quota_roots WHERE key = ?").run(sortKey(root));
  batch.quotas.forget();
  assignRoots(batch, root);
  batch.feedOfUser("quota", "", root);
  return undefined;
};

export const recountQuota: Apply<"recountQuota"> = (batch, { root }) => {
  if (!batch.quotas.has(root)) throw new StoreError("quota_root_not_found", `${root} is no quota root`);
  batch.changes++;
  recount(batch, root);
  return undefined;
};

/** Finds the root of every mailbox at or below `root` again, then counts the roots concerned. */
function assignRoots(batch: Batch, root: MailboxName): void {
  const own = batch.index.idOfName(root);
  const concerned = new Set<MailboxName>();
  for (const id of own === undefined ? batch.idsBelow(root) : [own, ...batch.idsBelow(root)]) {
    const state = batch.mailbox(id);
    if (state.statics.intermediate) continue;
    const quotaRoot = batch.quotaRootOf(state.statics.name);
    if (quotaRoot === state.statics.quotaRoot) continue;
    if (state.statics.quotaRoot !== undefined) concerned.add(state.statics.quotaRoot);
    if (quotaRoot !== undefined) concerned.add(quotaRoot);
    state.setStatics({ quotaRoot });
  }
  for (const name of concerned) if (batch.quotas.has(name)) recount(batch, name);
}

function recount(batch: Batch, root: MailboxName): void {
  const own = batch.index.idOfName(root);
  let bytes = 0;
  let messages = 0;
  let mailboxes = 0;
  let annotationBytes = 0;
  for (const id of own === undefined ? batch.idsBelow(root) : [own, ...batch.idsBelow(root)]) {
    const state = batch.mailbox(id);
    if (state.statics.quotaRoot !== root || state.statics.intermediate) continue;
    bytes += state.numbers.sizeBytes;
    messages += state.numbers.exists;
    mailboxes++;
    annotationBytes += annotationBytesOf(batch, state);
  }
  batch.quotas.set(root, { bytes, messages, mailboxes, annotationBytes });
}

export const follow: Apply<"follow"> = (batch, { name, fromStart }) => {
  const { index } = batch;
  const known = index.sql("SELECT position FROM followers WHERE name = ?").pluck().get(name) as
    | number
    | undefined;
  if (known !== undefined) return { position: known };
  const position = fromStart ? 0 : index.meta("feed_head");
  batch.changes++;
  index.sql("INSERT INTO followers VALUES (?, ?)").run(name, position);
  return { position };
};

export const advance: Apply<"advance"> = (batch, { name, position }) => {
  batch.changes++;
  batch.index.sql("UPDATE followers SET position = max(position, ?) WHERE name = ?").run(position, name);
  return undefined;
};

export const unfollow: Apply<"unfollow"> = (batch, { name }) => {
  batch.changes++;
  batch.index.sql("DELETE FROM followers WHERE name = ?").run(name);
  return undefined;
};
