import { writeNstring, writeString } from "../codec/writer.ts";
import { command } from "../command.ts";
import { bad } from "../refusal.ts";

/** RFC 2971 §3.3 */
const MAX_FIELDS = 30;
const MAX_VALUE_CHARACTERS = 1024;

/** ID: RFC 2971. */
export const id = command({
  name: "ID",
  state: "any",
  parse(reader) {
    const fields: Record<string, string> = {};
    reader.sp();
    if (!reader.peekIs("(")) {
      if (reader.keyword() !== "NIL") throw reader.fault("list or NIL");
      return fields;
    }
    let count = 0;
    reader.expect("(");
    while (!reader.skip(")")) {
      if (count > 0) reader.sp();
      const name = reader.string();
      const value = reader.sp().nstring();
      if (++count > MAX_FIELDS) throw bad("Too many fields");
      if (value !== undefined) fields[name.slice(0, 30)] = value.slice(0, MAX_VALUE_CHARACTERS);
    }
    return fields;
  },
  run(session, fields) {
    if (Object.keys(fields).length > 0)
      session.services.log.info("client", { session: session.id, id: fields });
    const { out } = session;
    out.ascii('* ID ("name" "Rookery" "version" ');
    writeString(out, session.services.version);
    out.ascii(' "vendor" ');
    writeNstring(out, undefined);
    out.ascii(")\r\n");
  },
});
