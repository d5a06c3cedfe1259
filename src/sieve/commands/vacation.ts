import { createHash } from "node:crypto";
import type { CommandDefinition } from "../compiler.ts";
import { SieveRuntimeError } from "../errors.ts";

const DAY = 86_400;
const DEFAULT_DAYS = 7;
/** RFC 5230 §4.1: a site sets the range. */
const MIN_SECONDS = 60;
const MAX_SECONDS = 30 * DAY;

/** vacation: RFC 5230 §4; :seconds RFC 6131. Whether an answer may be sent is decided where it is sent. */
export const vacation: CommandDefinition = {
  name: "vacation",
  capability: ["vacation"],
  signature: {
    tags: {
      days: { value: "number", group: "period" },
      seconds: { value: "number", group: "period", capability: "vacation-seconds" },
      subject: { value: "string" },
      from: { value: "string" },
      addresses: { value: "strings" },
      mime: {},
      handle: { value: "string" },
    },
    positional: ["string"],
  },
  compile(args, scope) {
    const optional = (tag: string) => {
      const text = args.tagString(tag);
      return text === undefined ? undefined : scope.template(text, args.position);
    };
    const reason = scope.template(args.string(0), args.position);
    const [subject, from, handle] = [optional("subject"), optional("from"), optional("handle")];
    const addresses = scope.templates(args.tagStrings("addresses") ?? [], args.position);
    const mime = args.has("mime");
    const asked = args.tagNumber("seconds") ?? Math.max(1, args.tagNumber("days") ?? DEFAULT_DAYS) * DAY;
    const seconds = Math.min(asked, MAX_SECONDS);
    return (run) => {
      if (run.actions.some(({ kind }) => kind === "vacation" || kind === "reject")) {
        throw new SieveRuntimeError("vacation cannot be combined with another vacation or reject");
      }
      const text = reason(run);
      run.act({
        kind: "vacation",
        reason: text,
        // RFC 6131 §2: 0 seconds = answer every time; other short periods are raised to the minimum.
        seconds: seconds === 0 ? 0 : Math.max(seconds, MIN_SECONDS),
        subject: subject?.(run),
        from: from?.(run),
        addresses: addresses.map((address) => address(run)),
        mime,
        handle: handle?.(run) ?? defaultHandle([text, subject?.(run), from?.(run), String(mime)]),
      });
      return "next";
    };
  },
};

/** RFC 5230 §4.2: without :handle, answers with the same words are the same. */
function defaultHandle(words: readonly (string | undefined)[]): string {
  return createHash("sha256").update(JSON.stringify(words)).digest("hex").slice(0, 32);
}
