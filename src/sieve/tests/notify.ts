import type { TestDefinition } from "../compiler.ts";
import { compileMatcher, matchTags } from "../match/match.ts";
import { isMailto } from "../mailto.ts";

/** valid_notify_method: RFC 5435 §4. Only mailto (RFC 5436) is known. */
export const validNotifyMethod: TestDefinition = {
  name: "valid_notify_method",
  capability: ["enotify"],
  signature: { positional: ["strings"] },
  compile(args, scope) {
    const methods = scope.templates(args.strings(0), args.position);
    return (run) => methods.every((method) => isMailto(method(run)));
  },
};

/** notify_method_capability: RFC 5435 §5. Whether a mailto recipient is online is never known (RFC 5436 §2.3). */
export const notifyMethodCapability: TestDefinition = {
  name: "notify_method_capability",
  capability: ["enotify"],
  signature: { tags: matchTags, positional: ["string", "string", "strings"] },
  compile(args, scope) {
    const method = scope.template(args.string(0), args.position);
    const name = scope.template(args.string(1), args.position);
    const matcher = compileMatcher(args, scope, args.strings(2));
    return (run) => isMailto(method(run)) && name(run).toLowerCase() === "online" && matcher(run, ["maybe"]);
  },
};
