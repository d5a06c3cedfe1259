/** GETMETADATA: RFC 5464 §4.2. The mailbox "" is the server. */
import { command } from "../command.ts";
import { metadataMailbox } from "../metadata/access.ts";
import { readEntryNames } from "../metadata/entry.ts";
import { PLAIN_OPTIONS, readMetadataOptions, startsOptions } from "../metadata/options.ts";
import { metadataValues, writeMetadata } from "../metadata/values.ts";

export const getmetadata = command({
  name: "GETMETADATA",
  state: "authenticated",
  parse(reader) {
    let options = PLAIN_OPTIONS;
    if (reader.sp().peekIs("(")) {
      options = readMetadataOptions(reader);
      reader.sp();
    }
    const name = reader.mailbox();
    // The examples of §4.2 have the options here, against the grammar of §5.
    if (startsOptions(reader.sp())) {
      options = readMetadataOptions(reader);
      reader.sp();
    }
    return { name, options, entries: readEntryNames(reader) };
  },
  run(session, { name, options, entries }) {
    const mailbox = name === "" ? undefined : metadataMailbox(session, name);
    const { values, longestLeftOut } = metadataValues(session, mailbox, entries, options);
    writeMetadata(session, name, values);
    return longestLeftOut > 0 ? { code: `METADATA LONGENTRIES ${longestLeftOut}` } : undefined;
  },
});
