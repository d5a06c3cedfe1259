import { DirectoryError } from "../../directory/admin.ts";
import { explainAction } from "../../sieve/explain.ts";
import type { SieveAction } from "../../sieve/actions.ts";
import type { NodeContext } from "../context.ts";
import type { Json, Operation } from "../operation.ts";

export const sieveList: Operation = {
  name: "sieve.list",
  async run(node, fields, output) {
    const userId = await userOf(node, fields.string("user"));
    fields.end();
    const scripts = await node.scripts.list(userId);
    for (const { name, isActive, sizeBytes } of scripts) {
      await output.row({ name, active: isActive, sizeBytes });
    }
    return { count: scripts.length };
  },
};

export const sieveGet: Operation = {
  name: "sieve.get",
  async run(node, fields) {
    const userId = await userOf(node, fields.string("user"));
    const name = fields.findString("name") ?? (await nameOfActive(node, userId));
    fields.end();
    const content = name === undefined ? undefined : await node.scripts.find(userId, name);
    return { name: name ?? null, content: content?.toString("utf8") ?? null };
  },
};

/** The payload is the script. */
export const sievePut: Operation = {
  name: "sieve.put",
  async run(node, fields, output) {
    const userId = await userOf(node, fields.string("user"));
    const name = fields.string("name");
    const activate = fields.findBoolean("activate") ?? false;
    fields.end();
    await node.createHome(userId);
    const warnings = await node.scripts.put(userId, name, output.payload);
    if (activate) await node.scripts.setActive(userId, name);
    return { name, warnings };
  },
};

export const sieveActivate: Operation = {
  name: "sieve.activate",
  async run(node, fields) {
    const userId = await userOf(node, fields.string("user"));
    const name = fields.findString("name") ?? "";
    fields.end();
    await node.scripts.setActive(userId, name);
    return { name };
  },
};

export const sieveDelete: Operation = {
  name: "sieve.delete",
  async run(node, fields) {
    const userId = await userOf(node, fields.string("user"));
    const name = fields.string("name");
    fields.end();
    await node.scripts.delete(userId, name);
    return { name };
  },
};

/** The payload is the message. Without `script` the user's active one; nothing is delivered, sent or remembered. */
export const sieveTest: Operation = {
  name: "sieve.test",
  async run(node, fields, output) {
    const user = fields.string("user");
    const userId = await userOf(node, user);
    const script = fields.findString("script");
    const sender = fields.findString("from") ?? "";
    const recipient = fields.findString("to") ?? addressOf(node, userId);
    fields.end();
    const source = script === undefined ? undefined : Buffer.from(script);
    const outcome = await node.filter.rehearse({
      userId,
      source,
      message: output.payload,
      sender,
      recipient,
    });
    if (outcome === undefined) return { hasScript: false, actions: [], words: [], error: null, trace: [] };
    return {
      hasScript: true,
      actions: outcome.actions.map(actionToJson),
      words: outcome.actions.map(explainAction),
      error: outcome.error?.message ?? null,
      trace: outcome.trace,
    };
  },
};

/** Without what is not set, and without the whole header. */
export function actionToJson(action: SieveAction): Json {
  const entries = Object.entries(action).filter(
    (entry): entry is [string, string | number | boolean | readonly string[]] =>
      entry[0] !== "headers" && entry[1] !== undefined,
  );
  return Object.fromEntries(entries);
}

async function nameOfActive(node: NodeContext, userId: string): Promise<string | undefined> {
  return (await node.scripts.list(userId)).find(({ isActive }) => isActive)?.name;
}

async function userOf(node: NodeContext, name: string): Promise<string> {
  const user = await node.directory.findUser(name);
  if (user === undefined) throw new DirectoryError("user_unknown", `user "${name}" is not known`);
  return user.userId;
}

function addressOf(node: NodeContext, userId: string): string {
  return userId.includes("@") || node.defaultDomain === "" ? userId : `${userId}@${node.defaultDomain}`;
}
