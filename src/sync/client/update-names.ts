/** Deletes and renames on the replica what was deleted or renamed here, found by unique id. */
import type { Store } from "../../store/port.ts";
import { Pipeline } from "./pipeline.ts";
import type { SyncMailbox } from "../codec/mailbox-line.ts";
import type { SyncRun } from "./run.ts";

/** True when the replica's mailboxes have to be asked for again. @throws ReplicaRefusal, ReplicaLost */
export async function updateNames(run: SyncRun, remotes: readonly SyncMailbox[]): Promise<boolean> {
  let changed = false;
  const moved: SyncMailbox[] = [];
  const pipeline = new Pipeline();
  const names = new Map(remotes.map((remote) => [remote.name, remote]));
  for (const remote of remotes) {
    const here = nameHere(run.store, remote.uniqueId);
    if (here !== undefined) {
      if (here !== remote.name) moved.push(remote);
    } else if (hasTombstone(run.store, remote)) {
      run.step(`DELETE ${remote.name}`);
      await pipeline.add(run.replica.unmailbox(remote.name));
      names.delete(remote.name);
      changed = true;
    } else if (!remote.deleted) {
      // It may have been made there by a client: only an administrator can say that it is to go.
      run.log.warn("mailbox is only on the replica and was never deleted here", { mailbox: remote.name });
    }
  }
  await pipeline.end();
  return (await renameAll(run, moved, names)) || changed;
}

/** A name that is free goes first; a ring of names is opened with a name in between. */
async function renameAll(
  run: SyncRun,
  moved: readonly SyncMailbox[],
  names: Map<string, SyncMailbox>,
): Promise<boolean> {
  let waiting = moved.map((remote) => ({ remote, from: remote.name }));
  const rename = async (from: string, to: string, remote: SyncMailbox): Promise<void> => {
    run.step(`RENAME ${from} ${to}`);
    await run.replica.rename(from, to, remote.partition, remote.uidValidity);
    names.delete(from);
    names.set(to, remote);
  };
  while (waiting.length > 0) {
    const left: typeof waiting = [];
    for (const entry of waiting) {
      const own = run.store.mailboxes.byUniqueId(entry.remote.uniqueId);
      if (own === undefined || own.name === entry.from) continue;
      if (names.has(own.name)) left.push(entry);
      else await rename(entry.from, own.name, { ...entry.remote, partition: own.partition });
    }
    if (left.length === waiting.length) {
      const [first] = left;
      const ringed = moved.some(({ name }) => name === nameHere(run.store, first!.remote.uniqueId));
      // Its name is held by a mailbox that stays: the update of that name decides.
      if (!ringed || first!.from.endsWith(MOVING)) return moved.length > left.length;
      await rename(first!.from, first!.from + MOVING, first!.remote);
      first!.from += MOVING;
    }
    waiting = left;
  }
  return moved.length > 0;
}

const MOVING = "-moving";

function nameHere({ mailboxes }: Store, uniqueId: string): string | undefined {
  return mailboxes.byUniqueId(uniqueId)?.name;
}

function hasTombstone({ mailboxes }: Store, { name, uniqueId }: SyncMailbox): boolean {
  for (const tombstone of mailboxes.tombstones(name)) if (tombstone.uniqueId === uniqueId) return true;
  return false;
}
