/** deleteUser, renameUser: everything that belongs to a user. */
import { StoreError } from "../errors.ts";
import type { MailboxName, UserId } from "../model.ts";
import { checkName, inboxOf, isBelow, nameOfSortKey, sortKey } from "../names.ts";
import type { Batch } from "./batch.ts";
import { deleteWith, idsOf, moveName, type NewUniqueId } from "./mailboxes.ts";
import type { Apply } from "./operation.ts";

export function deleteUserWith(newUniqueId: NewUniqueId): Apply<"deleteUser"> {
  const deleteMailbox = deleteWith(newUniqueId);
  return (batch, { user }) => {
    const ids = idsOf(batch, inboxOf(user)).reverse();
    for (const id of ids) {
      // An intermediate goes with the last mailbox below it.
      if (batch.index.mailbox(id) === undefined) continue;
      deleteMailbox(batch, { mailbox: id, immediate: false }, []);
    }
    const { index } = batch;
    index.sql("DELETE FROM subscriptions WHERE user_id = ?").run(user);
    index.sql("DELETE FROM seen_states WHERE user_id = ?").run(user);
    batch.quotas.flush();
    index.sql("DELETE FROM quota_roots WHERE key = ?").run(sortKey(inboxOf(user)));
    batch.quotas.forget();
    batch.feedOfUser("subscription", user, "");
    return undefined;
  };
}

export const renameUser: Apply<"renameUser"> = (batch, { user, newUser }) => {
  const from = inboxOf(user);
  const to = inboxOf(newUser);
  checkName(to);
  if (idsOf(batch, to).length > 0)
    throw new StoreError("mailbox_exists", `user ${newUser} has mailboxes already`);
  const { index } = batch;
  batch.quotas.flush();
  const rootKeys = index
    .sql("SELECT key FROM quota_roots WHERE key = ? OR (key > ? AND key < ?)")
    .pluck()
    .all(sortKey(from), `${sortKey(from)}\x1f`, `${sortKey(from)}\x20`) as string[];
  const newName = (name: MailboxName): MailboxName => to + name.slice(from.length);
  for (const key of rootKeys) {
    index.sql("UPDATE quota_roots SET key = ? WHERE key = ?").run(sortKey(newName(nameOfSortKey(key))), key);
  }
  batch.quotas.forget();
  for (const id of idsOf(batch, from)) {
    const state = batch.mailbox(id);
    const { quotaRoot } = state.statics;
    if (quotaRoot !== undefined && (quotaRoot === from || isBelow(quotaRoot, from))) {
      state.setStatics({ quotaRoot: newName(quotaRoot) });
    }
    moveName(batch, state, newName(state.statics.name));
    batch.feed("rename", state);
  }
  renameIdentifier(batch, user, newUser);
  for (const table of ["seen_states", "mailbox_annotations", "message_annotations"]) {
    index.sql(`UPDATE OR REPLACE ${table} SET user_id = ? WHERE user_id = ?`).run(newUser, user);
  }
  index.sql("UPDATE OR REPLACE subscriptions SET user_id = ? WHERE user_id = ?").run(newUser, user);
  const subscribed = index
    .sql("SELECT DISTINCT key FROM subscriptions WHERE key = ? OR (key > ? AND key < ?)")
    .pluck()
    .all(sortKey(from), `${sortKey(from)}\x1f`, `${sortKey(from)}\x20`) as string[];
  for (const key of subscribed) {
    const renamed = sortKey(newName(nameOfSortKey(key)));
    index.sql("UPDATE OR REPLACE subscriptions SET key = ? WHERE key = ?").run(renamed, key);
  }
  batch.feedOfUser("subscription", newUser, "");
  return undefined;
};

/** The user's name in every ACL that mentions it. */
function renameIdentifier(batch: Batch, user: UserId, newUser: UserId): void {
  const ids = batch.index
    .sql("SELECT id FROM mailboxes WHERE instr(acl, ?) > 0")
    .pluck()
    .all(JSON.stringify(user)) as number[];
  const negative = batch.index
    .sql("SELECT id FROM mailboxes WHERE instr(acl, ?) > 0")
    .pluck()
    .all(JSON.stringify(`-${user}`)) as number[];
  for (const id of new Set([...ids, ...negative])) {
    const state = batch.mailbox(id);
    const acl = state.statics.acl.map((entry) => {
      if (entry.identifier === user) return { ...entry, identifier: newUser };
      return entry.identifier === `-${user}` ? { ...entry, identifier: `-${newUser}` } : entry;
    });
    state.setStatics({ acl });
    state.nameOrAclChanged = true;
    batch.feed("acl", state);
  }
}
