import type { CommandDefinition } from "../compiler.ts";
import { SieveRuntimeError, SieveSyntaxError } from "../errors.ts";
import { isMailto } from "../mailto.ts";

const IMPORTANCE: Readonly<Record<string, 1 | 2 | 3>> = { "1": 1, "2": 2, "3": 3 };

/** notify: RFC 5435 §3, by mailto (RFC 5436). */
export const notify: CommandDefinition = {
  name: "notify",
  capability: ["enotify"],
  signature: {
    tags: {
      from: { value: "string" },
      importance: { value: "string" },
      options: { value: "strings" },
      message: { value: "string" },
    },
    positional: ["string"],
  },
  compile(args, scope) {
    const method = scope.template(args.string(0), args.position);
    if (!scope.isRequired("variables") && !isMailto(args.string(0))) {
      throw new SieveSyntaxError(
        args.position,
        `cannot notify by "${args.string(0)}"; only mailto: is known`,
      );
    }
    const importance = IMPORTANCE[args.tagString("importance") ?? "2"];
    if (importance === undefined) throw new SieveSyntaxError(args.position, ':importance is "1", "2" or "3"');
    const optional = (tag: string) => {
      const text = args.tagString(tag);
      return text === undefined ? undefined : scope.template(text, args.position);
    };
    const [from, message] = [optional("from"), optional("message")];
    const options = scope.templates(args.tagStrings("options") ?? [], args.position);
    return (run) => {
      const uri = method(run);
      if (!isMailto(uri)) throw new SieveRuntimeError(`cannot notify by "${uri}"; only mailto: is known`);
      run.act({
        kind: "notify",
        method: uri,
        from: from?.(run),
        importance,
        options: options.map((option) => option(run)),
        message: message?.(run),
      });
      return "next";
    };
  },
};
