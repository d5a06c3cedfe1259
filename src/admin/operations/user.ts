import { DirectoryError, type NewUser } from "../../directory/admin.ts";
import type { User } from "../../directory/port.ts";
import { inboxOf } from "../../store/names.ts";
import { type NodeContext, writableDirectory } from "../context.ts";
import { AdminError, describeFailure } from "../failure.ts";
import { Fields } from "../fields.ts";
import type { Json, Operation } from "../operation.ts";

export const userAdd: Operation = {
  name: "user.add",
  async run(node, fields) {
    const user = await writableDirectory(node).addUser(newUser(fields));
    await node.createHome(user.userId);
    return userToJson(user);
  },
};

/** Users that are added by one transaction, and whose mailboxes are made side by side. */
const USERS_A_BATCH = 64;

/**
 * Many users: the payload has one JSON object a line, with the arguments of `user.add`. A row for each in their order:
 * {at, user}, or {at, name, code, message} of one who is refused; the others are added all the same.
 */
export const userAddMany: Operation = {
  name: "user.add-many",
  async run(node, fields, output) {
    fields.end();
    const directory = writableDirectory(node);
    const users = output.payload
      .toString()
      .split("\n")
      .filter((line) => line !== "")
      .map((line, at) => newUser(new Fields(readJson(line, at))));
    let added = 0;
    for (let from = 0; from < users.length; from += USERS_A_BATCH) {
      const batch = users.slice(from, from + USERS_A_BATCH);
      const answers = await directory.addUsers(batch);
      const settled = await Promise.all(answers.map((answer) => withHome(node, answer)));
      for (const [index, answer] of settled.entries()) {
        if ("user" in answer) added++;
        const name = batch[index]?.name ?? "";
        await output.row({ at: from + index, ...("user" in answer ? {} : { name }), ...answer });
      }
      output.progress({ what: "users", done: from + batch.length, total: users.length });
    }
    return { added, refused: users.length - added };
  },
};

/** @throws AdminError argument_invalid */
function readJson(line: string, at: number): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // Without the parser's own words: they quote the line, which has a password.
    throw new AdminError("argument_invalid", `user ${at} of the payload is not JSON`);
  }
}

async function withHome(
  node: NodeContext,
  answer: User | DirectoryError,
): Promise<{ readonly user: string } | { readonly code: string; readonly message: string }> {
  if (answer instanceof DirectoryError) return { code: answer.code, message: answer.message };
  try {
    await node.createHome(answer.userId);
    return { user: answer.userId };
  } catch (error) {
    const { code, message } = describeFailure(error);
    return { code, message: `added, but without mailboxes until he logs in: ${message}` };
  }
}

/** @throws AdminError argument_invalid */
function newUser(fields: Fields): NewUser {
  const password = fields.findString("password");
  const displayName = fields.findString("displayName");
  const isAdmin = fields.findBoolean("admin");
  const isProxy = fields.findBoolean("proxy");
  const quotaBytes = fields.findCount("quotaBytes");
  const user = {
    name: fields.string("name"),
    ...(password === undefined ? {} : { password }),
    ...(displayName === undefined ? {} : { displayName }),
    ...(isAdmin === undefined ? {} : { isAdmin }),
    ...(isProxy === undefined ? {} : { isProxy }),
    ...(quotaBytes === undefined ? {} : { quotaBytes }),
  };
  fields.end();
  return user;
}

export const userList: Operation = {
  name: "user.list",
  async run(node, fields, output) {
    const domain = fields.findString("domain");
    fields.end();
    const users = await writableDirectory(node).listUsers(domain === undefined ? {} : { domain });
    for (const user of users) await output.row(userToJson(user));
    return { count: users.length };
  },
};

export const userPassword: Operation = {
  name: "user.password",
  async run(node, fields) {
    const name = fields.string("name");
    const password = fields.string("password");
    fields.end();
    await writableDirectory(node).setPassword(name, password);
    return { user: name };
  },
};

/** Changes what is given and leaves the rest. A quota of null means the configured default. */
export const userSet: Operation = {
  name: "user.set",
  async run(node, fields) {
    const directory = writableDirectory(node);
    const name = fields.string("name");
    const enabled = fields.findBoolean("enabled");
    const isAdmin = fields.findBoolean("admin");
    const isProxy = fields.findBoolean("proxy");
    const displayName = fields.findString("displayName");
    const quotaBytes = fields.findLimit("quotaBytes");
    fields.end();
    if (enabled !== undefined) await directory.setEnabled(name, enabled);
    if (isAdmin !== undefined) await directory.setAdmin(name, isAdmin);
    if (isProxy !== undefined) await directory.setProxy(name, isProxy);
    if (displayName !== undefined) await directory.setDisplayName(name, displayName);
    if (quotaBytes !== undefined) await directory.setQuota(name, quotaBytes ?? undefined);
    const user = await node.directory.findUser(name);
    if (user?.enabled === false) node.disconnect(user.userId, "Account was disabled");
    return user === undefined ? { user: name } : userToJson(user);
  },
};

/**
 * The login is closed first, so that nothing makes the mailboxes anew. The mailboxes go before the user: a user without
 * mailboxes can be deleted again, mailboxes without a user are forgotten.
 */
export const userDelete: Operation = {
  name: "user.delete",
  async run(node, fields) {
    const directory = writableDirectory(node);
    const name = fields.string("name");
    const keepMail = fields.findBoolean("keepMail") ?? false;
    fields.end();
    const user = await node.directory.findUser(name);
    if (user !== undefined) {
      await directory.setEnabled(user.userId, false);
      node.disconnect(user.userId, "Account was deleted");
    }
    if (user !== undefined && !keepMail && hasMail(node.store, user.userId)) {
      await node.store.deleteUser(user.userId);
    }
    await directory.removeUser(name);
    return { user: user?.userId ?? name, mailKept: keepMail };
  },
};

export const userRename: Operation = {
  name: "user.rename",
  async run(node, fields) {
    const directory = writableDirectory(node);
    const name = fields.string("name");
    const newName = fields.string("newName");
    fields.end();
    const before = await node.directory.findUser(name);
    const user = await directory.renameUser(name, newName);
    if (before !== undefined) node.disconnect(before.userId, "Account was renamed");
    if (before !== undefined && hasMail(node.store, before.userId)) {
      try {
        await node.store.renameUser(before.userId, user.userId);
      } catch (error) {
        // Both or neither: the mailboxes stayed, so the name goes back.
        await directory.renameUser(user.userId, before.userId);
        throw error;
      }
    }
    return userToJson(user);
  },
};

function hasMail(store: { readonly mailboxes: { find(name: string): unknown } }, userId: string): boolean {
  return store.mailboxes.find(inboxOf(userId)) !== undefined;
}

function userToJson(user: User): Json {
  return {
    user: user.userId,
    displayName: user.displayName,
    addresses: user.addresses,
    enabled: user.enabled,
    admin: user.isAdmin,
    proxy: user.isProxy,
    quotaBytes: user.quotaBytes ?? null,
  };
}
