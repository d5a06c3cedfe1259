import { writableDirectory } from "../context.ts";
import type { Operation } from "../operation.ts";

export const aliasAdd: Operation = {
  name: "alias.add",
  async run(node, fields) {
    const address = fields.string("address");
    const targets = fields.strings("targets");
    fields.end();
    const alias = await writableDirectory(node).addAlias(address, targets);
    return { address: alias.address, targets: alias.targets };
  },
};

export const aliasList: Operation = {
  name: "alias.list",
  async run(node, fields, output) {
    fields.end();
    const aliases = await writableDirectory(node).listAliases();
    for (const { address, targets } of aliases) await output.row({ address, targets });
    return { count: aliases.length };
  },
};

export const aliasDelete: Operation = {
  name: "alias.delete",
  async run(node, fields) {
    const address = fields.string("address");
    const targets = fields.findStrings("targets");
    fields.end();
    await writableDirectory(node).removeAlias(address, targets);
    return { address };
  },
};
