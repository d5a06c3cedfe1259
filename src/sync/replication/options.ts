import {
  boolean,
  byteSize,
  choice,
  duration,
  hostPort,
  listOf,
  mapOf,
  path,
  secret,
  text,
} from "../../config/kinds.ts";
import { option, optionGroup, type SettingsOf } from "../../config/option.ts";

export const replicationOptions = optionGroup("replication", "What this node replicates to others.", {
  channels: option(
    mapOf(hostPort),
    {},
    "Replicas that follow every change: a name for each, and its host and csync port.",
  ),
  users: option(
    listOf(text),
    [],
    "Users who are replicated; without any all users of whom this node is master, and shared mailboxes.",
  ),
  authname: option(text, "cyrus", "The administrator of the replica that this node logs in as."),
  password: option(secret, undefined, "His password."),
  tls: option(
    choice("auto", "required", "off"),
    "auto",
    "TLS by STARTTLS: auto = where the replica offers it, required = or not at all.",
  ),
  ca: option(
    path,
    undefined,
    "PEM file of the only authorities that may have signed the replica's certificate.",
  ),
  server_name: option(text, undefined, "Name in the replica's certificate; without it the host's."),
  compress: option(boolean, false, "Compress with DEFLATE where the replica offers it: for slow lines."),
  timeout: option(duration, "30m", "How long a replica may leave a command without an answer."),
  max_rate: option(byteSize, "0", "Bytes of messages a second that are uploaded at most; 0 = no limit."),
  max_retry_delay: option(duration, "1m", "Longest pause before an unreachable replica is tried again."),
});
export type ReplicationSettings = SettingsOf<typeof replicationOptions>;
