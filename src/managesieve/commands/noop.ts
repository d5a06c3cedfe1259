import { printString } from "../codec/writer.ts";
import { command } from "../command.ts";

/** NOOP: RFC 5804 §2.13. */
export const noop = command({
  name: "NOOP",
  state: "any",
  run(_session, args) {
    const tag = args.left > 0 ? args.text("The tag") : undefined;
    args.end();
    return tag === undefined ? {} : { code: `TAG ${printString(tag)}`, text: "Done" };
  },
});
