/** The folders of an IMAP server as devices see them, with keys that survive a rename where the server can tell. */
import { createHash } from "node:crypto";
import {
  type Folder as ListedFolder,
  type FolderList,
  isForeign,
  listFolders,
} from "../../../imap/client-folders.ts";
import type { Folder, FolderUse } from "../port.ts";
import type { Lent } from "./connections.ts";
import type { GatewaySettings } from "./options.ts";

export interface RemoteFolder extends Folder {
  /** As on the wire. */
  readonly wireName: Buffer;
  readonly selectable: boolean;
  readonly separator: string;
  /** What changes when something in the folder does: for servers that cannot tell. */
  readonly state: string;
}

export interface RemoteTree {
  readonly folders: readonly RemoteFolder[];
  readonly byKey: ReadonlyMap<string, RemoteFolder>;
  readonly separator: string;
  /** Before the names of the user's own folders, `INBOX.`; "" = nothing. */
  readonly personalPrefix: string;
}

/** A phone cannot show more. */
const MAX_FOLDERS = 20_000;

const SPECIAL_USES: ReadonlyMap<string, FolderUse> = new Map([
  ["drafts", "drafts"],
  ["sent", "sent"],
  ["trash", "trash"],
  ["junk", "junk"],
  ["archive", "archive"],
]);

export async function readTree(lent: Lent, settings: GatewaySettings): Promise<RemoteTree> {
  const list = await listFolders(lent);
  const shown = list.folders
    .filter((folder) => isShown(folder, list, settings))
    .slice(0, MAX_FOLDERS)
    .toSorted((a, b) => a.path.length - b.path.length);
  const keys = keysOf(shown);
  const uses = usesOf(shown, list, settings);
  const folders = shown.map((folder): RemoteFolder => {
    const { parent, name } = placeOf(folder, list, keys);
    const { status } = folder;
    return {
      key: keys.get(folder.name)!,
      parentKey: parent,
      name,
      use: uses.get(folder.name),
      class: "mail",
      writable: folder.isSelectable,
      wireName: folder.wireName,
      selectable: folder.isSelectable,
      separator: folder.separator,
      state:
        status === undefined
          ? ""
          : `${status.uidValidity}.${status.uidNext}.${status.messages}.${status.unseen}.${status.highestModseq}`,
    };
  });
  return {
    folders,
    byKey: new Map(folders.map((folder) => [folder.key, folder])),
    separator: list.separator,
    personalPrefix: list.personalPrefix,
  };
}

function isShown(folder: ListedFolder, list: FolderList, settings: GatewaySettings): boolean {
  if (folder.name.toUpperCase() === "INBOX") return true;
  // A folder that only names a level is shown when it has something below it; LIST tells only of those.
  if (folder.attributes.has("nonexistent") && !folder.attributes.has("haschildren")) return false;
  // Gmail's view of everything would sync all mail twice.
  if (folder.specialUse === "all" || folder.specialUse === "flagged" || folder.specialUse === "important") {
    return false;
  }
  const needsSubscription = isForeign(folder, list) || settings.onlySubscribed;
  return !needsSubscription || folder.isSubscribed || folder.specialUse !== undefined;
}

/**
 * MAILBOXID (RFC 8474) where there is one. Else UIDVALIDITY, which moves along with a rename (RFC 3501 §6.3.5) and mostly
 * is a folder's own; where two folders share one, the name tells them apart and a rename is a new folder.
 */
function keysOf(folders: readonly ListedFolder[]): Map<string, string> {
  const count = new Map<number, number>();
  for (const { status } of folders) {
    if (status !== undefined) count.set(status.uidValidity, (count.get(status.uidValidity) ?? 0) + 1);
  }
  return new Map(
    folders.map(({ name, status }) => {
      if (name.toUpperCase() === "INBOX") return [name, "inbox"];
      if (status !== undefined && status.mailboxId !== "") return [name, `m:${status.mailboxId}`];
      if (status !== undefined && count.get(status.uidValidity) === 1)
        return [name, `v:${status.uidValidity}`];
      return [name, `n:${createHash("sha1").update(name).digest("base64url")}`];
    }),
  );
}

function usesOf(
  folders: readonly ListedFolder[],
  { personalPrefix }: FolderList,
  settings: GatewaySettings,
): Map<string, FolderUse> {
  const found = new Map<FolderUse, string>();
  for (const { name, specialUse } of folders) {
    if (name.toUpperCase() === "INBOX") found.set("inbox", name);
    const use = specialUse === undefined ? undefined : SPECIAL_USES.get(specialUse);
    if (use !== undefined && !found.has(use)) found.set(use, name);
  }
  const named: readonly (readonly [FolderUse, string])[] = [
    ["drafts", settings.drafts],
    ["sent", settings.sent],
    ["trash", settings.trash],
    ["junk", "Junk"],
    ["junk", "Spam"],
    ["archive", "Archive"],
  ];
  const taken = new Set(found.values());
  for (const [use, wanted] of named) {
    if (found.has(use)) continue;
    const folder = folders.find(({ path, name, separator }) => {
      const text = path.join(separator);
      return !taken.has(name) && (text === wanted || text === `${personalPrefix}${wanted}`);
    });
    if (folder === undefined) continue;
    found.set(use, folder.name);
    taken.add(folder.name);
  }
  return new Map([...found].map(([use, name]) => [name, use]));
}

/** Below its nearest shown ancestor; levels in between become one name. */
function placeOf(
  folder: ListedFolder,
  { personalPrefix }: FolderList,
  keys: ReadonlyMap<string, string>,
): { readonly parent: string | undefined; readonly name: string } {
  const { name, separator, path } = folder;
  if (name.toUpperCase() === "INBOX") return { parent: undefined, name: "Inbox" };
  const levels = separator === "" ? [name] : name.split(separator);
  for (let length = levels.length - 1; length > 0; length -= 1) {
    const above = levels.slice(0, length).join(separator);
    // `INBOX.` is only how the server writes "my own": such folders stand beside the INBOX.
    if (personalPrefix !== "" && `${above}${separator}` === personalPrefix) {
      return { parent: undefined, name: path.slice(length).join("/") };
    }
    const key = keys.get(above);
    if (key !== undefined) return { parent: key, name: path.slice(length).join("/") };
  }
  return { parent: undefined, name: path.join("/") };
}
