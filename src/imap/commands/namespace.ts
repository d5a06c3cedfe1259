import { decodeMutf7 } from "../../store/mutf7.ts";
import { writeString } from "../codec/writer.ts";
import { command, nothing } from "../command.ts";

/** NAMESPACE: RFC 2342, RFC 9051 §6.3.10. */
export const namespace = command({
  name: "NAMESPACE",
  state: "authenticated",
  parse: nothing,
  run(session) {
    const { out } = session;
    const { personal, otherUsers, shared } = session.namespace.prefixes();
    out.ascii("* NAMESPACE");
    for (const prefix of [personal, otherUsers, shared]) {
      out.ascii(" ((");
      writeString(out, session.utf8 ? (decodeMutf7(prefix) ?? prefix) : prefix, session.utf8);
      out.ascii(` "${session.namespace.separator}"))`);
    }
    out.ascii("\r\n");
  },
});
