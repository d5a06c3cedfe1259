import type { CommandDefinition } from "../compiler.ts";
import { SieveSyntaxError } from "../errors.ts";
import { flagTag, flagsForAction } from "./flags.ts";

/** fileinto: RFC 5228 §4.1; :copy RFC 3894, :flags RFC 5232, :create RFC 5490, :specialuse RFC 8579, :mailboxid RFC 9042. */
export const fileinto: CommandDefinition = {
  name: "fileinto",
  capability: ["fileinto"],
  signature: {
    tags: {
      ...flagTag,
      copy: { capability: "copy" },
      create: { capability: "mailbox" },
      specialuse: { value: "string", capability: "special-use", group: "where" },
      mailboxid: { value: "string", capability: "mailboxid", group: "where" },
    },
    positional: ["string"],
  },
  compile(args, scope) {
    if (args.string(0) === "")
      throw new SieveSyntaxError(args.position, "fileinto needs the name of a mailbox");
    const mailbox = scope.template(args.string(0), args.position);
    const flags = flagsForAction(args, scope);
    const copy = args.has("copy");
    const create = args.has("create");
    const specialUse = args.tagString("specialuse");
    const mailboxId = args.tagString("mailboxid");
    return (run) => {
      if (!copy) run.implicitKeep = false;
      run.act({
        kind: "fileinto",
        mailbox: mailbox(run),
        flags: flags(run),
        create,
        specialUse,
        mailboxId,
        headers: run.editedHeaders,
      });
      return "next";
    };
  },
};
