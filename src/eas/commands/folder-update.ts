/** FolderUpdate: MS-ASCMD §2.2.1.6. A new name, another parent, or both. */
import type { Command } from "../command.ts";
import { changeFolders, type FolderChange, FolderFailure, FolderStatus } from "../folders/change-folders.ts";
import { TOP_ID } from "../folders/folder-record.ts";
import { pageTags as tags } from "../folders/hierarchy-tags.ts";
import type { CommandServices } from "./services.ts";

const change: FolderChange = {
  command: "FolderUpdate",
  root: tags.folderUpdate,
  statuses: {
    folder_exists: FolderStatus.exists,
    // MS-ASCMD §2.2.3.177.5: a special folder gets the status of one that exists.
    special_folder: FolderStatus.exists,
    folder_missing: FolderStatus.missing,
    parent_missing: FolderStatus.parentMissing,
    folder_name_invalid: FolderStatus.malformed,
  },
  async act(account, folders, root) {
    const id = root.textOf(tags.serverId);
    const parentId = root.textOf(tags.parentId);
    const name = root.textOf(tags.displayName);
    if (id === undefined || parentId === undefined || name === undefined) {
      throw new FolderFailure(FolderStatus.malformed, "ServerId, ParentId or DisplayName is missing");
    }
    const folder = folders.byId(id);
    if (folder === undefined) throw new FolderFailure(FolderStatus.missing, "the folder is not known");
    const parent = parentId === TOP_ID ? undefined : folders.byId(parentId);
    if (parentId !== TOP_ID && parent === undefined) {
      throw new FolderFailure(FolderStatus.parentMissing, "the parent is not known");
    }
    await account.renameFolder(folder.key, parent?.key, name);
    return { madeKey: undefined };
  },
};

export function folderUpdate({ random }: CommandServices): Command {
  return { name: change.command, run: (request) => changeFolders(request, change, random) };
}
