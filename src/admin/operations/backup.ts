import { exportUser } from "../../store/maintenance/user-backup/export-user.ts";
import { importUser } from "../../store/maintenance/user-backup/import-user.ts";
import type { Operation } from "../operation.ts";

/** Everything of the node into a folder on its machine, while it serves. */
export const backupNode: Operation = {
  name: "backup.node",
  async run(node, fields, output) {
    const target = fields.string("target");
    const isCopy = fields.findBoolean("copy") ?? false;
    fields.end();
    const report = await node.maintenance.backup({
      target,
      isCopy,
      onProgress: (what, done, total) => output.progress({ what, done, total }),
    });
    return { target, ...report };
  },
};

/** One user into a file on the node's machine. */
export const backupUser: Operation = {
  name: "backup.user",
  async run(node, fields, output) {
    const user = fields.string("user");
    const file = fields.string("file");
    fields.end();
    const report = await exportUser(node.store, user, file, node.clock.nowMs(), (done, total) =>
      output.progress({ what: "messages", done, total }),
    );
    return { user, file, ...report };
  },
};

/** A user from a file: into the mailboxes of nobody, or with `replace` instead of those that are there. */
export const restoreUser: Operation = {
  name: "restore.user",
  async run(node, fields, output) {
    const file = fields.string("file");
    const asUser = fields.findString("as");
    const isReplacing = fields.findBoolean("replace") ?? false;
    fields.end();
    const report = await importUser(node.store, file, {
      asUser,
      isReplacing,
      onProgress: (done) => output.progress({ what: "messages", done, total: 0 }),
    });
    node.disconnect(report.user, "Mailboxes were restored");
    // Where users are kept in LDAP none can be added here.
    const isUserKnown =
      node.directoryAdmin === undefined || (await node.directory.findUser(report.user)) !== undefined;
    return { file, ...report, isUserKnown };
  },
};
