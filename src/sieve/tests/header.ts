import type { TestDefinition } from "../compiler.ts";
import { SieveSyntaxError } from "../errors.ts";
import { compileHeaderReader, indexTags, mimeTags, partsOf } from "../headers.ts";
import { compileMatcher, matchTags } from "../match/match.ts";
import type { SievePart } from "../message.ts";
import type { BoundArguments } from "../signature.ts";

/** header: RFC 5228 §5.7; :index RFC 5260 §6; :mime with :type, :subtype, :contenttype, :param RFC 5703 §4.1. */
export const header: TestDefinition = {
  name: "header",
  signature: {
    tags: {
      ...matchTags,
      ...indexTags,
      ...mimeTags,
      type: { group: "mimepart", capability: "mime" },
      subtype: { group: "mimepart", capability: "mime" },
      contenttype: { group: "mimepart", capability: "mime" },
      param: { group: "mimepart", value: "strings", capability: "mime" },
    },
    positional: ["strings", "strings"],
  },
  compile(args, scope) {
    const names = scope.templates(args.strings(0), args.position);
    const matcher = compileMatcher(args, scope, args.strings(1));
    const piece = args.chosen("mimepart");
    if (piece === undefined) {
      const read = compileHeaderReader(args);
      return (run) =>
        matcher(
          run,
          names.flatMap((name) => read(run, name(run))),
        );
    }
    if (!args.has("mime")) throw new SieveSyntaxError(args.position, `:${piece} needs :mime`);
    const parts = partsOf(args.has("anychild"));
    return (run) =>
      matcher(
        run,
        parts(run).flatMap((part) => names.flatMap((name) => mimePieces(part, name(run), piece, args))),
      );
  },
};

function mimePieces(part: SievePart, name: string, piece: string, args: BoundArguments): readonly string[] {
  if (piece === "param") {
    return (args.tagStrings("param") ?? [])
      .map((param) => part.parameter(name, param.toLowerCase()))
      .filter((value) => value !== undefined);
  }
  if (name.toLowerCase() !== "content-type") {
    const value = part.headers.find((field) => field.name.toLowerCase() === name.toLowerCase())?.value;
    return value === undefined || piece === "subtype" ? [] : [value.split(";")[0]!.trim().toLowerCase()];
  }
  if (piece === "type") return [part.type];
  return [piece === "subtype" ? part.subtype : `${part.type}/${part.subtype}`];
}
