import { createHash } from "node:crypto";
import type { TestDefinition } from "../compiler.ts";

const DEFAULT_SECONDS = 7 * 86_400;
const MAX_SECONDS = 90 * 86_400;

/** duplicate: RFC 7352. Without :header and :uniqueid the Message-ID is what is compared. */
export const duplicate: TestDefinition = {
  name: "duplicate",
  capability: ["duplicate"],
  signature: {
    tags: {
      handle: { value: "string" },
      header: { value: "string", group: "id" },
      uniqueid: { value: "string", group: "id" },
      seconds: { value: "number" },
      last: {},
    },
  },
  compile(args, scope) {
    const handle = scope.template(args.tagString("handle") ?? "", args.position);
    const header = scope.template(args.tagString("header") ?? "message-id", args.position);
    const uniqueId = args.tagString("uniqueid");
    const id = uniqueId === undefined ? undefined : scope.template(uniqueId, args.position);
    const seconds = Math.min(args.tagNumber("seconds") ?? DEFAULT_SECONDS, MAX_SECONDS);
    const last = args.has("last");
    return (run) => {
      const name = header(run).toLowerCase();
      const value = id?.(run) ?? run.headers.find((field) => field.name.toLowerCase() === name)?.value;
      if (value === undefined || value === "") return false;
      const key = createHash("sha256").update(value).digest("hex");
      return run.environment.isDuplicate(handle(run), key, seconds, last);
    };
  },
};
