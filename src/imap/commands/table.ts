/** Every command of the room, by name. A new one is a file and a line here. */
import type { Command } from "../command.ts";
import { append } from "./append.ts";
import { authenticate } from "./authenticate.ts";
import { cancelUpdate } from "./cancelupdate.ts";
import { capability } from "./capability.ts";
import { close, unselect } from "./close.ts";
import { compress } from "./compress.ts";
import { copy, move } from "./copy.ts";
import { create } from "./create.ts";
import { deleteMailbox } from "./delete.ts";
import { enable } from "./enable.ts";
import { esearch } from "./esearch.ts";
import { expunge } from "./expunge.ts";
import { fetch } from "./fetch.ts";
import { genurlauth } from "./genurlauth.ts";
import { getacl } from "./getacl.ts";
import { getmetadata } from "./getmetadata.ts";
import { getquota, getquotaroot } from "./getquota.ts";
import { id } from "./id.ts";
import { idle } from "./idle.ts";
import { list, lsub } from "./list.ts";
import { listrights } from "./listrights.ts";
import { login } from "./login.ts";
import { logout } from "./logout.ts";
import { myrights } from "./myrights.ts";
import { namespace } from "./namespace.ts";
import { check, noop } from "./noop.ts";
import { notify } from "./notify.ts";
import { rename } from "./rename.ts";
import { search } from "./search.ts";
import { replace } from "./replace.ts";
import { resetkey } from "./resetkey.ts";
import { examine, select } from "./select.ts";
import { deleteacl, setacl } from "./setacl.ts";
import { setmetadata } from "./setmetadata.ts";
import { setquota } from "./setquota.ts";
import { sort } from "./sort.ts";
import { starttls } from "./starttls.ts";
import { status } from "./status.ts";
import { store } from "./store.ts";
import { subscribe, unsubscribe } from "./subscribe.ts";
import { thread } from "./thread.ts";
import { unauthenticate } from "./unauthenticate.ts";
import { urlfetch } from "./urlfetch.ts";

const COMMANDS: readonly Command[] = [
  // Any state
  capability,
  noop,
  logout,
  id,
  // Before login
  starttls,
  authenticate,
  login,
  // Mailboxes
  enable,
  unauthenticate,
  select,
  examine,
  create,
  deleteMailbox,
  rename,
  subscribe,
  unsubscribe,
  list,
  lsub,
  namespace,
  status,
  setacl,
  deleteacl,
  getacl,
  listrights,
  myrights,
  getquota,
  getquotaroot,
  setquota,
  getmetadata,
  setmetadata,
  append,
  genurlauth,
  resetkey,
  urlfetch,
  idle,
  notify,
  esearch,
  compress,
  // Messages
  check,
  close,
  unselect,
  expunge,
  search,
  sort,
  thread,
  cancelUpdate,
  fetch,
  store,
  copy,
  move,
  replace,
];

/** With the commands of other rooms; theirs win, so that a front end can answer LIST by itself. */
export function commandTable(extra: readonly Command[] = []): ReadonlyMap<string, Command> {
  return new Map([...COMMANDS, ...extra].map((command) => [command.name, command]));
}
