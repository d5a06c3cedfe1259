import type { TestDefinition } from "../compiler.ts";
import { walkParts } from "../headers.ts";
import { compileMatcher, matchTags } from "../match/match.ts";
import type { SievePart } from "../message.ts";

/** body: RFC 5173. :text (the default) looks at text parts, :content at parts of a type, :raw at the undecoded body. */
export const body: TestDefinition = {
  name: "body",
  capability: ["body"],
  signature: {
    tags: {
      ...matchTags,
      raw: { group: "transform" },
      content: { group: "transform", value: "strings" },
      text: { group: "transform" },
    },
    positional: ["strings"],
  },
  compile(args, scope) {
    const matcher = compileMatcher(args, scope, args.strings(0));
    if (args.has("raw")) return (run) => withoutMatches(run, () => matcher(run, [run.message.rawBody()]));
    const types = (args.tagStrings("content") ?? ["text"]).map((type) => type.toLowerCase());
    return (run) => {
      const parts = [...walkParts(run.message.root)].filter((part) =>
        types.some((type) => isOfType(part, type)),
      );
      return withoutMatches(run, () =>
        matcher(
          run,
          parts.map((part) => part.text()),
        ),
      );
    };
  },
};

/** RFC 5173 §4.1: the body test never sets match variables. */
function withoutMatches(run: { matches: readonly string[] }, test: () => boolean): boolean {
  const before = run.matches;
  const result = test();
  run.matches = before;
  return result;
}

/** RFC 5173 §5.2: "" = all, "text" = text/*, "text/plain" = just that; anything else matches nothing. */
function isOfType(part: SievePart, type: string): boolean {
  if (type === "") return true;
  if (type.startsWith("/") || type.endsWith("/") || type.split("/").length > 2) return false;
  return type.includes("/") ? `${part.type}/${part.subtype}` === type : part.type === type;
}
