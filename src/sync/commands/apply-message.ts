import { syncCommand } from "../command.ts";
import { responseLine } from "../codec/response-line.ts";
import { readFields } from "../fields.ts";

/** Capabilities that a client may apply. */
const KNOWN = new Set(["SIEVE-MAILBOX"]);

/** APPLY MESSAGE (file …): the bodies are in the staging area already when the line is read. */
export const applyMessage = syncCommand({
  name: "MESSAGE",
  async run(dialogue, reader) {
    const named = new Set<string>();
    reader.list((item) => void named.add(item.file().partition));
    reader.end();
    // Cyrus 3.6.1 aborts where there is no such partition; a clear NO is all it takes.
    for (const partition of named) dialogue.knownPartition(partition);
  },
});

/** APPLY RESERVE %(PARTITION p MBOXNAME (m …) GUID (g …)) → `* MISSING (g …)`. */
export const applyReserve = syncCommand({
  name: "RESERVE",
  async run(dialogue, reader, send) {
    const fields = readFields(reader);
    const partition = dialogue.knownPartition(fields.text("PARTITION"));
    const { store } = dialogue.services;
    const missing = fields
      .texts("GUID")
      .filter(
        (guid) => dialogue.staging.find(guid) === undefined && store.findBody(guid, partition) === undefined,
      );
    if (missing.length === 0) return;
    await send(
      responseLine((writer) => {
        writer.raw("MISSING").list((list) => {
          for (const guid of missing) list.raw(guid);
        });
      }),
    );
  },
});

/** APPLY CAPABILITIES (name …) → `* ENABLED (…)`; cannot be undone in the session. */
export const applyCapabilities = syncCommand({
  name: "CAPABILITIES",
  async run(dialogue, reader, send) {
    const asked: string[] = [];
    reader.list((item) => void asked.push(item.text().toUpperCase()));
    const enabled = asked.filter((name) => KNOWN.has(name));
    for (const name of enabled) dialogue.enabled.add(name);
    await send(
      responseLine((writer) => {
        writer.raw("ENABLED").list((list) => {
          for (const name of enabled) list.string(name);
        });
      }),
    );
  },
});

/** APPLY FORCE %(): this side gives way in every conflict (sync_client -O). */
export const applyForce = syncCommand({
  name: "FORCE",
  async run(dialogue) {
    dialogue.force = true;
  },
});
