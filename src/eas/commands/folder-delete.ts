/** FolderDelete: MS-ASCMD §2.2.1.3. What is below the folder goes with it. */
import type { Command } from "../command.ts";
import { changeFolders, type FolderChange, FolderFailure, FolderStatus } from "../folders/change-folders.ts";
import { pageTags as tags } from "../folders/hierarchy-tags.ts";
import type { CommandServices } from "./services.ts";

const change: FolderChange = {
  command: "FolderDelete",
  root: tags.folderDelete,
  statuses: { special_folder: FolderStatus.special, folder_missing: FolderStatus.missing },
  async act(account, folders, root) {
    const id = root.textOf(tags.serverId);
    if (id === undefined) throw new FolderFailure(FolderStatus.malformed, "ServerId is missing");
    const folder = folders.byId(id);
    if (folder === undefined) throw new FolderFailure(FolderStatus.missing, "the folder is not known");
    await account.deleteFolder(folder.key);
    return { madeKey: undefined };
  },
};

export function folderDelete({ random }: CommandServices): Command {
  return { name: change.command, run: (request) => changeFolders(request, change, random) };
}
