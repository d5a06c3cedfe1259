/** Users whose mail is not filtered as they expect: they have an active script, and scripts do not run here. */
import { scriptsMailbox } from "../../delivery/scripts.ts";
import { SystemFlag, type UserId } from "../../store/model.ts";
import type { Store } from "../../store/port.ts";
import { usersOf } from "../client/groups.ts";

/** Lazily; one small read a user who has scripts. */
export function* unfilteredUsers(store: Store): Generator<UserId> {
  for (const user of usersOf(store)) {
    const scripts = store.mailboxes.find(scriptsMailbox(user));
    if (scripts === undefined || scripts.exists === 0) continue;
    for (const group of store.readRecords(scripts.id)) {
      if (!group.some(({ systemFlags }) => (systemFlags & SystemFlag.flagged) !== 0)) continue;
      yield user;
      break;
    }
  }
}
