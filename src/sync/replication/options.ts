import { boolean, byteSize, duration, listOf, mapOf, path, secret, text } from "../../config/kinds.ts";
import { option, optionGroup, type SettingsOf } from "../../config/option.ts";

import { acknowledgeChoice, channelKind, tlsChoice, transportChoice } from "./channel-kind.ts";

export const replicationOptions = optionGroup("replication", "What this node replicates to others.", {
  channels: option(
    mapOf(channelKind),
    {},
    "Replicas that follow every change: a name for each, and its host and port; further keys override the options below for it.",
  ),
  users: option(
    listOf(text),
    [],
    "Users who are replicated; without any all users of whom this node is master, and shared mailboxes.",
  ),
  transport: option(
    transportChoice,
    "csync",
    "How the protocol is carried: csync = on a port of its own, imap = as SYNC commands on the replica's IMAP port.",
  ),
  authname: option(text, "cyrus", "The administrator of the replica that this node logs in as."),
  password: option(secret, undefined, "His password."),
  tls: option(
    tlsChoice,
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
  chain: option(
    boolean,
    false,
    "Whether users of whom this node is a replica itself are sent on: in a chain, never back to their master.",
  ),
  acknowledge: option(
    acknowledgeChoice,
    "local",
    "When deliveries and APPEND are answered: with the message on this disk, or on the replica's, too.",
  ),
  acknowledge_timeout: option(
    duration,
    "10s",
    "How long an answer waits for the replica. One that is slower is not waited for until it has caught up.",
  ),
  ssh: option(text, "ssh -x -o BatchMode=yes", "The program that replicate --ssh logs in with."),
  ssh_server: option(
    text,
    "rookery sync-server --stdio",
    "What it runs on the replica, which speaks the text dialect.",
  ),
  max_retry_delay: option(duration, "1m", "Longest pause before an unreachable replica is tried again."),
});
export type ReplicationSettings = SettingsOf<typeof replicationOptions>;
