/**
 * Folders that were copied and that the source's LIST no longer names. A list can leave out what is still there (a server
 * in trouble, rights taken away for an hour, a namespace that does not answer), and what counts as deleted is deleted at
 * the target: so each of them is asked for by itself, in the same run.
 */
import type { ImapLink } from "../../imap/client-connect.ts";
import type { CommandResult } from "../../imap/client-command.ts";
import { type Folder, listedFolders, wireMailbox } from "../../imap/client-folders.ts";
import type { FolderLedger } from "../ledger/folder-ledger.ts";

export interface GoneFolders {
  /** The source says that they are not there, or are no mailboxes any more. */
  readonly deleted: ReadonlySet<string>;
  /** Not listed, and not shown to be deleted: why. */
  readonly doubtful: ReadonlyMap<string, string>;
}

/** Folders that are asked for at a time. */
const FOLDERS_A_STEP = 100;
/** A refusal that is about the server or about rights, not about the folder (RFC 5530 §3). */
const NOT_ABOUT_THE_FOLDER =
  /^(?:UNAVAILABLE|SERVERBUG|INUSE|LIMIT|THROTTLED|NOPERM|CONTACTADMIN|OVERQUOTA|AUTHORIZATIONFAILED|EXPIRED|CORRUPTION)\b/i;

/** @throws ImapClientError */
export async function goneFolders(
  link: ImapLink,
  known: Iterable<FolderLedger>,
  listed: readonly Folder[],
): Promise<GoneFolders> {
  const selectable = new Set(listed.filter(({ isSelectable }) => isSelectable).map(({ name }) => name));
  const names = [...known].map(({ sourceFolder }) => sourceFolder).filter((name) => !selectable.has(name));
  const deleted = new Set<string>();
  const doubtful = new Map<string, string>();
  for (let at = 0; at < names.length; at += FOLDERS_A_STEP) {
    const some = names.slice(at, at + FOLDERS_A_STEP);
    const answers = await Promise.all(some.map((name) => ask(link, name)));
    // Which command of a pipeline an answer came with is not told: names say what it is about.
    const seen = new Set(
      listedFolders(answers.flatMap(([list, status]) => [...list.untagged, ...status.untagged]))
        .filter(({ isSelectable }) => isSelectable)
        .map(({ name }) => name),
    );
    for (const [index, name] of some.entries()) {
      const doubt = whyDoubtful(name, answers[index]!, seen);
      if (doubt === undefined) deleted.add(name);
      else doubtful.set(name, doubt);
    }
  }
  return { deleted, doubtful };
}

function ask({ client }: ImapLink, name: string): Promise<[CommandResult, CommandResult]> {
  const mailbox = wireMailbox(Buffer.from(name));
  return Promise.all([
    client.command(['LIST "" ', ...mailbox]),
    client.command(["STATUS ", ...mailbox, " (MESSAGES)"]),
  ]);
}

function whyDoubtful(
  name: string,
  [list, status]: readonly [CommandResult, CommandResult],
  seen: ReadonlySet<string>,
): string | undefined {
  // Its bytes are not known any more: it cannot be asked for.
  if (name.includes("\u{fffd}")) return "its name cannot be written";
  if (list.status !== "OK") return `LIST of it alone: ${textOf(list)}`;
  if (seen.has(name)) return "LIST of it alone names it";
  if (status.status === "OK") return "STATUS of it is answered";
  if (status.status === "NO" && !NOT_ABOUT_THE_FOLDER.test(status.code ?? "")) return undefined;
  return `STATUS of it: ${textOf(status)}`;
}

function textOf({ status, code, text }: CommandResult): string {
  return `${status} ${code === undefined ? "" : `[${code}] `}${text}`;
}
