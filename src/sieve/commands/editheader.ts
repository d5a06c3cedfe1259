import type { CommandDefinition } from "../compiler.ts";
import { SieveRuntimeError, SieveSyntaxError } from "../errors.ts";
import { compileMatcher, matchTags } from "../match/match.ts";

const FIELD_NAME = /^[!-9;-~]+$/;
/** RFC 5293 §4, §6: trace headers stay, and the subject may change but not the routing. */
const PROTECTED = new Set(["received", "auto-submitted"]);
const MAX_VALUE_BYTES = 4096;

/** addheader: RFC 5293 §4. */
export const addheader: CommandDefinition = {
  name: "addheader",
  capability: ["editheader"],
  signature: { tags: { last: {} }, positional: ["string", "string"] },
  compile(args, scope) {
    const name = scope.template(args.string(0), args.position);
    const value = scope.template(args.string(1), args.position);
    const last = args.has("last");
    return (run) => {
      const field = {
        name: name(run),
        value: value(run)
          .replace(/[\r\n]+/g, " ")
          .trim(),
      };
      if (!FIELD_NAME.test(field.name)) throw new SieveRuntimeError(`"${field.name}" is not a header name`);
      if (Buffer.byteLength(field.value) > MAX_VALUE_BYTES)
        throw new SieveRuntimeError("header value too long");
      if (!PROTECTED.has(field.name.toLowerCase())) {
        run.editHeaders(last ? [...run.headers, field] : [field, ...run.headers]);
      }
      return "next";
    };
  },
};

/** deleteheader: RFC 5293 §5. */
export const deleteheader: CommandDefinition = {
  name: "deleteheader",
  capability: ["editheader"],
  signature: {
    tags: { ...matchTags, index: { value: "number" }, last: {} },
    positional: ["string", "strings"],
    optionalLast: true,
  },
  compile(args, scope) {
    const name = scope.template(args.string(0), args.position);
    const matcher = args.count === 2 ? compileMatcher(args, scope, args.strings(1)) : undefined;
    const index = args.tagNumber("index");
    const last = args.has("last");
    if (last && index === undefined) throw new SieveSyntaxError(args.position, ":last needs :index");
    return (run) => {
      const wanted = name(run).toLowerCase();
      if (PROTECTED.has(wanted)) return "next";
      const places = run.headers.flatMap((field, place) =>
        field.name.toLowerCase() === wanted ? [place] : [],
      );
      const at = index === undefined ? undefined : last ? places.length - index : index - 1;
      const chosen = at === undefined ? places : places.slice(Math.max(0, at), at + 1).filter(() => at >= 0);
      const gone = new Set(
        chosen.filter((place) => matcher === undefined || matcher(run, [run.headers[place]!.value.trim()])),
      );
      if (gone.size > 0) run.editHeaders(run.headers.filter((_, place) => !gone.has(place)));
      return "next";
    };
  },
};
