/** FolderCreate: MS-ASCMD §2.2.1.2. Mail folders; other classes come with their own rooms. */
import type { Command } from "../command.ts";
import { changeFolders, type FolderChange, FolderFailure, FolderStatus } from "../folders/change-folders.ts";
import { TOP_ID } from "../folders/folder-record.ts";
import { pageTags as tags } from "../folders/hierarchy-tags.ts";
import type { CommandServices } from "./services.ts";

/** User-created: generic and mail. MS-ASCMD §2.2.3.186.2. */
const MAIL_TYPES: ReadonlySet<number> = new Set([1, 12]);

const change: FolderChange = {
  command: "FolderCreate",
  root: tags.folderCreate,
  statuses: {
    folder_exists: FolderStatus.exists,
    special_folder: FolderStatus.special,
    parent_missing: FolderStatus.parentMissing,
    folder_name_invalid: FolderStatus.malformed,
  },
  async act(account, folders, root) {
    const name = root.textOf(tags.displayName) ?? "";
    const parentId = root.textOf(tags.parentId);
    const type = root.numberOf(tags.type) ?? 0;
    if (name.trim() === "" || parentId === undefined) {
      throw new FolderFailure(FolderStatus.malformed, "DisplayName or ParentId is missing");
    }
    if (!MAIL_TYPES.has(type)) throw new FolderFailure(FolderStatus.special, `no folders of type ${type}`);
    const parent = parentId === TOP_ID ? undefined : folders.byId(parentId);
    if (parentId !== TOP_ID && parent === undefined) {
      throw new FolderFailure(FolderStatus.parentMissing, "the parent is not known");
    }
    const made = await account.createFolder(parent?.key, name);
    return { madeKey: made.key };
  },
};

export function folderCreate({ random }: CommandServices): Command {
  return { name: change.command, run: (request) => changeFolders(request, change, random) };
}
