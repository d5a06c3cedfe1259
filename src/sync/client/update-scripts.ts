/** Scripts for replicas without #sieve mailboxes: SIEVE lines (Cyrus before 3.6). */
import type { UserId } from "../../store/model.ts";
import { MailboxScripts } from "../mailbox-scripts.ts";
import type { RemoteUser } from "./replica.ts";
import type { SyncRun } from "./run.ts";

export async function updateScripts(run: SyncRun, user: UserId, there: RemoteUser["scripts"]): Promise<void> {
  if (run.replica.hasSieveMailbox) return;
  const own = new MailboxScripts(run.store, run.clock);
  const here = await own.list(user);
  const files = here.filter(({ active }) => !active);
  for (const line of files) {
    if (there.get(line.name)?.guid === line.guid) continue;
    const content = await own.get(user, line.name);
    if (content === undefined) continue;
    run.step(`SIEVE ${line.name}`);
    await run.replica.script(user, line, content);
  }
  const active = here.find((line) => line.active)?.name;
  const activeThere = [...there.values()].find((line) => line.active)?.name;
  if (active !== activeThere) {
    run.step(active === undefined ? "UNACTIVATE_SIEVE" : `ACTIVATE_SIEVE ${active}`);
    await run.replica.activateScript(user, active);
  }
  for (const { name } of there.values()) {
    if (name.endsWith(".bc") || files.some((line) => line.name === name)) continue;
    run.step(`UNSIEVE ${name}`);
    await run.replica.removeScript(user, name);
  }
}
