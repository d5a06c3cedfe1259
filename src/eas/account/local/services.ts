/** What the account over this node's store is made of; main/ (or a test) puts it together. */
import type { Clock } from "../../../base/io/clock.ts";
import type { Log } from "../../../base/log.ts";
import type { Directory, User } from "../../../directory/port.ts";
import type { Accessor } from "../../../store/access.ts";
import type { NamespaceOptions } from "../../../store/namespace.ts";
import type { Actor, Store } from "../../../store/port.ts";
import type { Account } from "../port.ts";
import type { TreeWatch } from "./tree-watch.ts";

export interface LocalServices {
  readonly store: Store;
  readonly directory: Directory;
  /** Makes INBOX and the special folders before the first request is answered. */
  readonly provision: (userId: string) => Promise<void>;
  readonly namespace: NamespaceOptions;
  readonly clock: Clock;
  readonly log: Log;
  readonly tree: TreeWatch;
  /**
   * Of the epochs of all collections: another one makes devices sync from the start. For states that are kept apart from
   * the mailboxes, and may know more than mailboxes that came back from a backup.
   */
  readonly epochSuffix?: string;
  /** Sending, searching, the directory and the vacation message of one user. */
  readonly mailActions: (user: LocalUser) => LocalMailActions;
}

/** Who the account belongs to, as the store and the directory know him. */
export interface LocalUser extends Accessor {
  readonly user: User;
  readonly by: Actor;
}

export type LocalMailActions = Pick<
  Account,
  "searchMail" | "searchDirectory" | "photo" | "send" | "vacation" | "setVacation"
>;
