/**
 * Compares a user with the replica and changes nothing: every difference by mailbox and UID. Every record is looked at:
 * the CRC of a mailbox is the XOR of its messages', so the same change of an even number of them can leave it as it was.
 */
import type { Mailbox, MessageRecord, UserId } from "../../store/model.ts";
import { inboxOf, isBelow } from "../../store/names.ts";
import { flagNames, sameContent } from "../codec/record.ts";
import type { SyncMailbox } from "../codec/mailbox-line.ts";
import { isExpunged } from "./collect.ts";
import { MailboxScripts, type SieveLine } from "../mailbox-scripts.ts";
import { isSendable, mailboxesOfUser, sharedQuotas } from "./groups.ts";
import { quotaText, type RemoteUser } from "./replica.ts";
import type { SyncRun } from "./run.ts";
import { differences } from "./same-mailbox.ts";
import { isSameSeen } from "./update-meta.ts";

export interface Difference {
  readonly user: UserId;
  /** "" for what belongs to no mailbox. */
  readonly mailbox: string;
  /** 0 for what belongs to no message. */
  readonly uid: number;
  readonly what: string;
}

/** @throws ReplicaLost, ReplicaRefusal */
export async function checkUser(
  run: SyncRun,
  user: UserId,
  found: (difference: Difference) => Promise<void>,
): Promise<void> {
  const remote = await run.replica.getUser(user);
  await checkMailboxes(run, user, [...mailboxesOfUser(run.store, user)], remote.mailboxes, found);
  const tell = (what: string, mailbox = ""): Promise<void> => found({ user, mailbox, uid: 0, what });
  const quotas = new Map(remote.quotas);
  for (const root of run.store.quotas.list(inboxOf(user))) {
    if (root.root !== inboxOf(user) && !isBelow(root.root, inboxOf(user))) continue;
    if (quotas.get(root.root) !== quotaText(root)) await tell("quota differs", root.root);
    quotas.delete(root.root);
  }
  for (const root of quotas.keys()) await tell("quota only on the replica", root);
  const subscribed = new Set(run.store.subscriptions.list(user));
  for (const name of subscribed) {
    if (!remote.subscriptions.has(name)) await tell("subscription missing on the replica", name);
  }
  for (const name of remote.subscriptions) {
    if (!subscribed.has(name)) await tell("subscription only on the replica", name);
  }
  for (const state of run.store.seen.ofUser(user)) {
    const other = remote.seen.get(state.uniqueId);
    if (other === undefined || !isSameSeen(state, other)) {
      const name = run.store.mailboxes.byUniqueId(state.uniqueId)?.name ?? state.uniqueId;
      await tell("seen state differs", name);
    }
  }
  if (!run.replica.hasSieveMailbox) await checkScripts(run, user, remote.scripts, tell);
}

/** Replicas without #sieve mailboxes tell of scripts in lines of their own. */
async function checkScripts(
  run: SyncRun,
  user: UserId,
  there: RemoteUser["scripts"],
  tell: (what: string) => Promise<void>,
): Promise<void> {
  const here = await new MailboxScripts(run.store, run.clock).list(user);
  const left = new Set([...there.keys()].filter((name) => !name.endsWith(".bc")));
  for (const { name, guid, active } of here) {
    if (active) continue;
    const other = there.get(name);
    if (other === undefined) await tell(`script ${name} missing on the replica`);
    else if (other.guid !== guid) await tell(`script ${name} differs`);
    left.delete(name);
  }
  for (const name of left) await tell(`script ${name} only on the replica`);
  const activeOf = (lines: Iterable<SieveLine>): string =>
    [...lines].find(({ active }) => active)?.name.replace(/\.bc$/, "") ?? "none";
  const [own, other] = [activeOf(here), activeOf(there.values())];
  if (own !== other) await tell(`active script ${own} here, ${other} on the replica`);
}

/** What belongs to nobody besides mailboxes. */
export async function checkSharedQuotas(
  run: SyncRun,
  found: (difference: Difference) => Promise<void>,
): Promise<void> {
  for (const root of sharedQuotas(run.store)) {
    if ((await run.replica.getQuota(root.root)) === quotaText(root)) continue;
    await found({ user: "", mailbox: root.root, uid: 0, what: "quota differs" });
  }
}

/** Server annotations: the shared ones and each user's, of whom `isWanted` says so. */
export async function checkServerAnnotations(
  run: SyncRun,
  isWanted: (user: UserId) => boolean,
  found: (difference: Difference) => Promise<void>,
): Promise<void> {
  const there = new Map(await run.replica.getServerAnnotations());
  const tell = (user: UserId, entry: string, what: string): Promise<void> =>
    found({ user, mailbox: "", uid: 0, what: `server annotation ${entry} ${what}` });
  for (const { entry, userId, value } of run.store.annotations.all("")) {
    const key = `${entry}\0${userId}`;
    const remote = there.get(key);
    there.delete(key);
    if (!isWanted(userId) || remote?.equals(value) === true) continue;
    await tell(userId, entry, remote === undefined ? "missing on the replica" : "differs");
  }
  for (const key of there.keys()) {
    const [entry = "", userId = ""] = key.split("\0");
    if (isWanted(userId)) await tell(userId, entry, "only on the replica");
  }
}

/** The same for some mailboxes. */
export async function checkMailboxes(
  run: SyncRun,
  user: UserId,
  mailboxes: readonly Mailbox[],
  remotes: readonly SyncMailbox[],
  found: (difference: Difference) => Promise<void>,
): Promise<void> {
  const byUniqueId = new Map(remotes.map((remote) => [remote.uniqueId, remote]));
  const byName = new Map(remotes.map((remote) => [remote.name, remote]));
  for (const own of mailboxes) {
    if (!isSendable(own, run.replica.hasSieveMailbox)) continue;
    const tell = (what: string, uid = 0): Promise<void> => found({ user, mailbox: own.name, uid, what });
    const remote = byUniqueId.get(own.uniqueId);
    byUniqueId.delete(own.uniqueId);
    if (remote === undefined) {
      const other = byName.get(own.name);
      if (other === undefined) await tell("missing on the replica");
      else await tell(`another mailbox (${other.uniqueId}) has the name on the replica`);
      continue;
    }
    if (remote.name !== own.name) await tell(`is named ${remote.name} on the replica`);
    const what = differences(own, run.store.annotations.all(own.name), remote);
    for (const each of what) await tell(`${each} differ`);
    if (own.intermediate || remote.intermediate) continue;
    const hasEqualCrcs = own.syncCrc === remote.syncCrc && own.syncCrcAnnot === remote.syncCrcAnnot;
    const records = await compareRecords(run, own, remote.name);
    // Whatever changed meanwhile is on its way.
    if (hasEqualCrcs && run.store.mailboxes.byId(own.id)?.highestModseq !== own.highestModseq) continue;
    for (const [uid, each] of records) await tell(each, uid);
  }
  for (const remote of byUniqueId.values()) {
    await found({ user, mailbox: remote.name, uid: 0, what: "only on the replica" });
  }
}

/** Messages listed of one mailbox; the rest is counted. */
const MAX_LISTED = 10_000;

async function compareRecords(
  run: SyncRun,
  own: Mailbox,
  remoteName: string,
): Promise<readonly (readonly [number, string])[]> {
  const found: (readonly [number, string])[] = [];
  let more = 0;
  const add = (uid: number, what: string): void => {
    if (found.length < MAX_LISTED) found.push([uid, what]);
    else more += 1;
  };
  const groups = run.store.readRecords(own.id);
  const mine = (function* (): Generator<MessageRecord> {
    for (const group of groups) yield* group;
  })();
  let next = mine.next();
  const remote = await run.replica.getFullMailbox(remoteName, () => (theirs) => {
    if (isExpunged(theirs)) return;
    for (; !next.done && next.value.uid < theirs.uid; next = mine.next()) {
      add(next.value.uid, "missing on the replica");
    }
    if (!next.done && next.value.uid === theirs.uid) {
      const what = pairDifference(next.value, theirs);
      if (what !== undefined) add(theirs.uid, what);
      next = mine.next();
    } else add(theirs.uid, "only on the replica");
  });
  if (remote === undefined) return [[0, "missing on the replica"]];
  for (; !next.done; next = mine.next()) add(next.value.uid, "missing on the replica");
  if (more > 0) found.push([0, `${more} more messages differ`]);
  return found;
}

function pairDifference(own: MessageRecord, theirs: MessageRecord): string | undefined {
  if (own.guid !== theirs.guid) return `another message: ${own.guid} here, ${theirs.guid} on the replica`;
  if (own.modseq === theirs.modseq && sameContent(own, theirs)) return undefined;
  const flags = (record: MessageRecord): string =>
    flagNames(record.systemFlags, record.keywords.toSorted()).join(" ");
  if (flags(own) !== flags(theirs)) return `flags (${flags(own)}) here, (${flags(theirs)}) on the replica`;
  if (own.modseq !== theirs.modseq) return `modseq ${own.modseq} here, ${theirs.modseq} on the replica`;
  return "dates or annotations differ";
}
