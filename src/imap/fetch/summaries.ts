/** Attributes that delivery parsed: ENVELOPE, BODYSTRUCTURE, BODY without a section (RFC 9051 §7.5.2), PREVIEW (RFC 8970). */
import { writeString } from "../codec/writer.ts";
import { bad } from "../refusal.ts";
import { plainAttribute, type FetchAttribute, type FetchItem } from "./item.ts";

const ENVELOPE = Buffer.from("ENVELOPE ");
const BODY_STRUCTURE = Buffer.from("BODYSTRUCTURE ");

export const envelopeItem: FetchItem = {
  needs: "summary",
  write: (out, { summary }) => out.bytes(ENVELOPE).bytes(summary.envelope),
};

export const bodyStructureItem: FetchItem = {
  needs: "summary",
  write: (out, { summary }) => out.bytes(BODY_STRUCTURE).bytes(summary.bodyStructure),
};

export const bodyItem: FetchItem = {
  needs: "summary",
  write: (out, { summary }) => out.ascii("BODY ").bytes(summary.body),
};

export const summaryAttributes: readonly FetchAttribute[] = [
  plainAttribute("ENVELOPE", envelopeItem),
  plainAttribute("BODYSTRUCTURE", bodyStructureItem),
  {
    name: "PREVIEW",
    parse(reader) {
      // RFC 8970 §3.1: LAZY allows NIL; ours is always at hand.
      if (reader.skipSpaceAnd("(")) {
        if (reader.keyword() !== "LAZY") throw bad("Unknown PREVIEW modifier");
        reader.expect(")");
      }
      return {
        needs: "summary",
        write(out, { session, summary }) {
          out.ascii("PREVIEW ");
          writeString(out, summary.preview, session.utf8);
        },
      };
    },
  },
];
