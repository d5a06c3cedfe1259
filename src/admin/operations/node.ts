import type { Operation } from "../operation.ts";

export const nodeStatus: Operation = {
  name: "node.status",
  run(node, fields) {
    fields.end();
    return Promise.resolve(node.status());
  },
};

/** Reads certificate and key files again; sessions keep what they have, new ones get the new. */
export const certificateReload: Operation = {
  name: "certificate.reload",
  async run(node, fields) {
    fields.end();
    return node.reloadCertificates();
  },
};
