import { command } from "../command.ts";

/** What ENABLE knows → what each turns on. Extensions add a line. */
const ENABLES: ReadonlyMap<string, readonly string[]> = new Map([
  ["IMAP4REV2", ["IMAP4REV2"]],
  ["CONDSTORE", ["CONDSTORE"]],
  // RFC 7162 §3.2.3: QRESYNC implies CONDSTORE.
  ["QRESYNC", ["QRESYNC", "CONDSTORE"]],
  ["UTF8=ACCEPT", ["UTF8=ACCEPT"]],
]);

/** ENABLE: RFC 9051 §6.3.1. Unknown names are ignored. */
export const enable = command({
  name: "ENABLE",
  state: "authenticated",
  parse(reader) {
    const names: string[] = [];
    do names.push(reader.sp().keyword());
    while (reader.peekIs(" "));
    return names;
  },
  run(session, names) {
    const known = [...new Set(names)].filter((name) => ENABLES.has(name));
    const features = known.flatMap((name) => ENABLES.get(name) ?? []);
    for (const feature of features) if (feature !== "CONDSTORE") session.enabled.add(feature);
    const shown = known.map((name) => (name === "IMAP4REV2" ? " IMAP4rev2" : ` ${name}`));
    session.untagged(`ENABLED${shown.join("")}`);
    if (features.includes("CONDSTORE")) session.enableCondstore();
  },
});
