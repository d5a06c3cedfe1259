import type { TestDefinition } from "../compiler.ts";
import { compileMatcher, matchTags } from "../match/match.ts";

/** mailboxexists: RFC 5490 §3.1. */
export const mailboxexists: TestDefinition = {
  name: "mailboxexists",
  capability: ["mailbox"],
  signature: { positional: ["strings"] },
  compile(args, scope) {
    const names = scope.templates(args.strings(0), args.position);
    return (run) => names.every((name) => run.environment.mailboxExists(name(run)));
  },
};

/** mailboxidexists: RFC 9042 §5. */
export const mailboxidexists: TestDefinition = {
  name: "mailboxidexists",
  capability: ["mailboxid"],
  signature: { positional: ["strings"] },
  compile(args, scope) {
    const ids = scope.templates(args.strings(0), args.position);
    return (run) => ids.every((id) => run.environment.mailboxIdExists(id(run)));
  },
};

/** specialuse_exists: RFC 8579 §5. */
export const specialuseExists: TestDefinition = {
  name: "specialuse_exists",
  capability: ["special-use"],
  signature: { positional: ["string", "strings"], optionalFirst: true },
  compile(args, scope) {
    const mailbox = args.count === 2 ? scope.template(args.string(0), args.position) : undefined;
    const uses = scope.templates(args.strings(args.count - 1), args.position);
    return (run) =>
      run.environment.specialUseExists(
        mailbox?.(run),
        uses.map((use) => use(run)),
      );
  },
};

/** metadata: RFC 5490 §3.3. */
export const metadata: TestDefinition = {
  name: "metadata",
  capability: ["mboxmetadata"],
  signature: { tags: matchTags, positional: ["string", "string", "strings"] },
  compile(args, scope) {
    const mailbox = scope.template(args.string(0), args.position);
    const entry = scope.template(args.string(1), args.position);
    const matcher = compileMatcher(args, scope, args.strings(2));
    return (run) => {
      const value = run.environment.metadata(mailbox(run), entry(run));
      return value !== undefined && matcher(run, [value]);
    };
  },
};

/** servermetadata: RFC 5490 §4. */
export const servermetadata: TestDefinition = {
  name: "servermetadata",
  capability: ["servermetadata"],
  signature: { tags: matchTags, positional: ["string", "strings"] },
  compile(args, scope) {
    const entry = scope.template(args.string(0), args.position);
    const matcher = compileMatcher(args, scope, args.strings(1));
    return (run) => {
      const value = run.environment.metadata(undefined, entry(run));
      return value !== undefined && matcher(run, [value]);
    };
  },
};

/** metadataexists: RFC 5490 §3.4. */
export const metadataexists: TestDefinition = {
  name: "metadataexists",
  capability: ["mboxmetadata"],
  signature: { positional: ["string", "strings"] },
  compile(args, scope) {
    const mailbox = scope.template(args.string(0), args.position);
    const entries = scope.templates(args.strings(1), args.position);
    return (run) =>
      entries.every((entry) => run.environment.metadata(mailbox(run), entry(run)) !== undefined);
  },
};

/** servermetadataexists: RFC 5490 §4. */
export const servermetadataexists: TestDefinition = {
  name: "servermetadataexists",
  capability: ["servermetadata"],
  signature: { positional: ["strings"] },
  compile(args, scope) {
    const entries = scope.templates(args.strings(0), args.position);
    return (run) => entries.every((entry) => run.environment.metadata(undefined, entry(run)) !== undefined);
  },
};
