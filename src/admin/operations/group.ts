import { writableDirectory } from "../context.ts";
import type { Operation } from "../operation.ts";

export const groupAdd: Operation = {
  name: "group.add",
  async run(node, fields) {
    const name = fields.string("name");
    const address = fields.findString("address");
    fields.end();
    const group = await writableDirectory(node).addGroup(name, address === undefined ? {} : { address });
    return { group: group.name, address: group.address ?? null, members: group.members };
  },
};

export const groupList: Operation = {
  name: "group.list",
  async run(node, fields, output) {
    fields.end();
    const groups = await writableDirectory(node).listGroups();
    for (const { name, address, members } of groups) {
      await output.row({ group: name, address: address ?? null, members });
    }
    return { count: groups.length };
  },
};

export const groupDelete: Operation = {
  name: "group.delete",
  async run(node, fields) {
    const name = fields.string("name");
    fields.end();
    await writableDirectory(node).removeGroup(name);
    return { group: name };
  },
};

export const groupJoin: Operation = {
  name: "group.join",
  async run(node, fields) {
    const group = fields.string("group");
    const user = fields.string("user");
    fields.end();
    await writableDirectory(node).addMember(group, user);
    return { group, user };
  },
};

export const groupLeave: Operation = {
  name: "group.leave",
  async run(node, fields) {
    const group = fields.string("group");
    const user = fields.string("user");
    fields.end();
    await writableDirectory(node).removeMember(group, user);
    return { group, user };
  },
};
