/** Every operation of a node. A new one is one file and one line here. */
import type { Operation } from "./operation.ts";
import { aliasAdd, aliasDelete, aliasList } from "./operations/alias.ts";
import { appPasswordAdd, appPasswordList, appPasswordRevoke } from "./operations/app-password.ts";
import { backupNode, backupUser, restoreUser } from "./operations/backup.ts";
import { check } from "./operations/check.ts";
import { compact } from "./operations/compact.ts";
import { deliver } from "./operations/deliver.ts";
import {
  deviceAllow,
  deviceBlock,
  deviceList,
  deviceRemove,
  deviceReset,
  deviceShow,
  deviceTrace,
  deviceWipe,
} from "./operations/device.ts";
import { domainAdd, domainDelete, domainList } from "./operations/domain.ts";
import { dump } from "./operations/dump.ts";
import { groupAdd, groupDelete, groupJoin, groupLeave, groupList } from "./operations/group.ts";
import { mailboxAcl } from "./operations/mailbox-acl.ts";
import { mailboxCreate } from "./operations/mailbox-create.ts";
import { mailboxDelete } from "./operations/mailbox-delete.ts";
import { mailboxList } from "./operations/mailbox-list.ts";
import { mailboxQuota } from "./operations/mailbox-quota.ts";
import { mailboxRename } from "./operations/mailbox-rename.ts";
import { mailboxUndelete } from "./operations/mailbox-undelete.ts";
import { messageListExpunged, messageUnexpunge } from "./operations/message.ts";
import { certificateReload, nodeStatus } from "./operations/node.ts";
import { queueDrop, queueList, queueRetry, queueShow } from "./operations/queue.ts";
import { replicate } from "./operations/replicate.ts";
import { replicationQueue, replicationRole, replicationStatus } from "./operations/replication.ts";
import { sieveActivate, sieveDelete, sieveGet, sieveList, sievePut, sieveTest } from "./operations/sieve.ts";
import {
  userAdd,
  userAddMany,
  userDelete,
  userList,
  userPassword,
  userRename,
  userSet,
} from "./operations/user.ts";

export const operations: readonly Operation[] = [
  userAdd,
  userAddMany,
  userList,
  userPassword,
  userSet,
  userRename,
  userDelete,
  domainAdd,
  domainList,
  domainDelete,
  aliasAdd,
  aliasList,
  aliasDelete,
  groupAdd,
  groupList,
  groupDelete,
  groupJoin,
  groupLeave,
  appPasswordAdd,
  appPasswordList,
  appPasswordRevoke,
  mailboxList,
  mailboxCreate,
  mailboxRename,
  mailboxDelete,
  mailboxUndelete,
  mailboxAcl,
  mailboxQuota,
  messageListExpunged,
  messageUnexpunge,
  dump,
  check,
  compact,
  backupNode,
  backupUser,
  restoreUser,
  deliver,
  sieveList,
  sieveGet,
  sievePut,
  sieveActivate,
  sieveDelete,
  sieveTest,
  queueList,
  queueShow,
  queueRetry,
  queueDrop,
  replicate,
  replicationStatus,
  replicationQueue,
  replicationRole,
  deviceList,
  deviceShow,
  deviceAllow,
  deviceBlock,
  deviceReset,
  deviceWipe,
  deviceRemove,
  deviceTrace,
  nodeStatus,
  certificateReload,
];
