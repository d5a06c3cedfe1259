import type { AppPassword } from "../../directory/admin.ts";
import { writableDirectory } from "../context.ts";
import type { Json, Operation } from "../operation.ts";

export const appPasswordAdd: Operation = {
  name: "app-password.add",
  async run(node, fields) {
    const user = fields.string("user");
    const label = fields.string("label");
    const protocols = fields.findStrings("protocols");
    fields.end();
    const made = await writableDirectory(node).addAppPassword(user, {
      label,
      ...(protocols === undefined ? {} : { protocols }),
    });
    return { id: made.id, label: made.label, protocols: made.protocols, password: made.password };
  },
};

export const appPasswordList: Operation = {
  name: "app-password.list",
  async run(node, fields, output) {
    const user = fields.string("user");
    fields.end();
    const passwords = await writableDirectory(node).listAppPasswords(user);
    for (const password of passwords) await output.row(appPasswordToJson(password));
    return { count: passwords.length };
  },
};

export const appPasswordRevoke: Operation = {
  name: "app-password.revoke",
  async run(node, fields) {
    const user = fields.string("user");
    const id = fields.string("id");
    fields.end();
    await writableDirectory(node).revokeAppPassword(user, id);
    return { user, id };
  },
};

function appPasswordToJson({ id, label, protocols, createdAtMs, lastUsedAtMs }: AppPassword): Json {
  return {
    id,
    label,
    protocols,
    created: new Date(createdAtMs).toISOString(),
    lastUsed: lastUsedAtMs === undefined ? null : new Date(lastUsedAtMs).toISOString(),
  };
}
