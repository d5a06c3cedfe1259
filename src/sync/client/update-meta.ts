/** Quotas, subscriptions, seen states: what a user has besides mailboxes. */
import type { SeenState, UserId } from "../../store/model.ts";
import { inboxOf, isBelow } from "../../store/names.ts";
import { Pipeline } from "./pipeline.ts";
import { quotaText, type RemoteUser } from "./replica.ts";
import type { SyncRun } from "./run.ts";
import { updateScripts } from "./update-scripts.ts";

export async function updateQuotas(
  run: SyncRun,
  top: string,
  there: ReadonlyMap<string, string>,
): Promise<void> {
  const here = new Set<string>();
  for (const root of run.store.quotas.list(top)) {
    if (root.root !== top && !isBelow(root.root, top)) continue;
    here.add(root.root);
    if (there.get(root.root) === quotaText(root)) continue;
    run.step(`SETQUOTA ${root.root}`);
    await run.replica.quota(root);
  }
  for (const root of there.keys()) {
    if (here.has(root)) continue;
    run.step(`UNQUOTA ${root}`);
    await run.replica.unquota(root);
  }
}

export async function updateSubscriptions(
  run: SyncRun,
  user: UserId,
  there: ReadonlySet<string>,
): Promise<void> {
  const here = new Set(run.store.subscriptions.list(user));
  const pipeline = new Pipeline();
  for (const name of here) {
    if (there.has(name)) continue;
    run.step(`ADDSUB ${name}`);
    await pipeline.add(run.replica.subscribe(user, name, true));
  }
  for (const name of there) {
    if (here.has(name)) continue;
    run.step(`DELSUB ${name}`);
    await pipeline.add(run.replica.subscribe(user, name, false));
  }
  await pipeline.end();
}

/** States of the user's reading in mailboxes of others. The later reading wins. */
export async function updateSeen(run: SyncRun, user: UserId, there: RemoteUser["seen"]): Promise<void> {
  const pipeline = new Pipeline();
  for (const state of run.store.seen.ofUser(user)) {
    const remote = there.get(state.uniqueId);
    if (remote !== undefined && isSameSeen(state, remote)) continue;
    if (remote !== undefined && remote.lastRead > state.lastRead && !run.force) continue;
    run.step(`SETSEEN ${user} ...`);
    await pipeline.add(run.replica.seen(state));
  }
  await pipeline.end();
}

export function isSameSeen(a: Omit<SeenState, "userId">, b: Omit<SeenState, "userId">): boolean {
  return (
    a.lastRead === b.lastRead &&
    a.lastUid === b.lastUid &&
    a.lastChange === b.lastChange &&
    a.seenUids === b.seenUids
  );
}

/** GET META and what follows from it (`--meta`). */
export async function updateMeta(run: SyncRun, user: UserId): Promise<void> {
  run.step(`META ${user}`);
  const remote = await run.replica.getMeta(user);
  await updateSubscriptions(run, user, remote.subscriptions);
  await updateSeen(run, user, remote.seen);
  await updateScripts(run, user, remote.scripts);
}

export async function updateUserQuotas(run: SyncRun, user: UserId, remote: RemoteUser): Promise<void> {
  await updateQuotas(run, inboxOf(user), remote.quotas);
}

/** Server annotations: the shared ones and each user's, as far as this node is master of them. */
export async function updateServerAnnotations(
  run: SyncRun,
  isWanted: (user: UserId) => boolean,
): Promise<void> {
  const there = new Map(await run.replica.getServerAnnotations());
  for (const { entry, userId, value } of run.store.annotations.all("")) {
    if (!isWanted(userId)) continue;
    const key = `${entry}\0${userId}`;
    const remote = there.get(key);
    there.delete(key);
    if (remote === undefined || !remote.equals(value)) await run.replica.annotation(entry, userId, value);
  }
  for (const key of there.keys()) {
    const [entry = "", userId = ""] = key.split("\0");
    if (!isWanted(userId)) continue;
    await run.replica.annotation(entry, userId, undefined);
  }
}
