import { writableDirectory } from "../context.ts";
import type { Operation } from "../operation.ts";

export const domainAdd: Operation = {
  name: "domain.add",
  async run(node, fields) {
    const domain = fields.string("domain");
    const isDefault = fields.findBoolean("default") ?? false;
    fields.end();
    await writableDirectory(node).addDomain(domain, { isDefault });
    return { domain };
  },
};

export const domainList: Operation = {
  name: "domain.list",
  async run(node, fields, output) {
    fields.end();
    const domains = await writableDirectory(node).listDomains();
    for (const { name, isDefault, userCount } of domains) {
      await output.row({ domain: name, default: isDefault, users: userCount });
    }
    return { count: domains.length };
  },
};

export const domainDelete: Operation = {
  name: "domain.delete",
  async run(node, fields) {
    const domain = fields.string("domain");
    fields.end();
    await writableDirectory(node).removeDomain(domain);
    return { domain };
  },
};
