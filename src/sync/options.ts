import { InvalidValue, type Kind } from "../config/kind.ts";
import { byteSize, duration, integerIn, listOf, text } from "../config/kinds.ts";
import { option, optionGroup, type SettingsOf } from "../config/option.ts";

/** A folder of the store has this name. */
const partitionName: Kind<string> = {
  ...text,
  name: "partition",
  allowed: "a name of at most 64 letters, digits, - and _",
  parse(raw) {
    const name = String(raw);
    if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(name)) throw new InvalidValue();
    return name;
  },
};

export const syncOptions = optionGroup("sync", "Replication with Cyrus's sync protocol.", {
  timeout: option(
    duration,
    "30m",
    "How long a peer may be silent before its session is closed (sync_timeout).",
  ),
  max_connections: option(integerIn(1, 10_000), 100, "Sessions at one time; further ones get BYE."),
  max_output: option(byteSize, "8MiB", "Answers that a peer has not read before the server waits for it."),
  partitions: option(
    listOf(partitionName),
    [],
    "Partitions besides default that masters may name: their mailboxes are kept below these names, on the same disk. Any other name is refused.",
  ),
});
/** What a session goes by; partitions go with what it serves. */
export type SyncSettings = Omit<SettingsOf<typeof syncOptions>, "partitions">;
