import { byteSize, choice, duration, integerIn, mapOf } from "../config/kinds.ts";
import { option, optionGroup, type SettingsOf } from "../config/option.ts";

export const syncOptions = optionGroup("sync", "Replication with Cyrus's sync protocol.", {
  timeout: option(
    duration,
    "30m",
    "How long a peer may be silent before its session is closed (sync_timeout).",
  ),
  max_connections: option(integerIn(1, 10_000), 100, "Sessions at one time; further ones get BYE."),
  max_output: option(byteSize, "8MiB", "Answers that a peer has not read before the server waits for it."),
  partitions: option(
    mapOf(choice("default")),
    {},
    "Partitions that masters name, and the one here that takes their mailboxes; * = any other name. A name that is neither here nor in it is refused.",
  ),
});
/** What a session goes by; partitions go with what it serves. */
export type SyncSettings = Omit<SettingsOf<typeof syncOptions>, "partitions">;
