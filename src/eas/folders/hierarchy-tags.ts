/** The code page FolderHierarchy: MS-ASWBXML §2.1.2.1.8. */
import { tagOf } from "../../wire/wbxml/code-pages.ts";

export const pageTags = {
  folderSync: tagOf("FolderHierarchy:FolderSync"),
  folderCreate: tagOf("FolderHierarchy:FolderCreate"),
  folderUpdate: tagOf("FolderHierarchy:FolderUpdate"),
  folderDelete: tagOf("FolderHierarchy:FolderDelete"),
  status: tagOf("FolderHierarchy:Status"),
  syncKey: tagOf("FolderHierarchy:SyncKey"),
  changes: tagOf("FolderHierarchy:Changes"),
  count: tagOf("FolderHierarchy:Count"),
  add: tagOf("FolderHierarchy:Add"),
  update: tagOf("FolderHierarchy:Update"),
  delete: tagOf("FolderHierarchy:Delete"),
  serverId: tagOf("FolderHierarchy:ServerId"),
  parentId: tagOf("FolderHierarchy:ParentId"),
  displayName: tagOf("FolderHierarchy:DisplayName"),
  type: tagOf("FolderHierarchy:Type"),
} as const;

/** Requests of one device that two gateways answer at once: one wins, the other looks again. */
export const MAX_LOST_RACES = 4;
