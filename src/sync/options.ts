import { byteSize, duration, integerIn } from "../config/kinds.ts";
import { option, optionGroup, type SettingsOf } from "../config/option.ts";

export const syncOptions = optionGroup("sync", "Replication with Cyrus's sync protocol.", {
  timeout: option(
    duration,
    "30m",
    "How long a peer may be silent before its session is closed (sync_timeout).",
  ),
  max_connections: option(integerIn(1, 10_000), 100, "Sessions at one time; further ones get BYE."),
  max_output: option(byteSize, "8MiB", "Answers that a peer has not read before the server waits for it."),
});
export type SyncSettings = SettingsOf<typeof syncOptions>;
