/** What operators watch of replication: messages an hour, active channels, lag (S1.32–S1.34). */
import type { RoomMetrics } from "../../base/metrics.ts";
import type { ChannelStatus } from "./channel.ts";

export interface ReplicationMetrics {
  uploaded(channel: string, messages: number, bytes: number): void;
  /** A replica did not confirm in time. */
  givenUp(channel: string): void;
  watch(status: () => readonly ChannelStatus[]): void;
}

export function replicationMetrics(room: RoomMetrics): ReplicationMetrics {
  const messages = room.counter("messages_total", "Messages sent to replicas.", ["channel"]);
  const bytes = room.counter("bytes_total", "Bytes of messages sent to replicas.", ["channel"]);
  const givenUp = room.counter(
    "acknowledge_given_up_total",
    "Times that a replica did not confirm in time, so that answers do not wait for it until it has caught up.",
    ["channel"],
  );
  let status: () => readonly ChannelStatus[] = () => [];
  room.gauge("channels", "Configured channels.", () => status().length);
  room.gauge(
    "active_channels",
    "Channels that are connected and follow; fewer than configured = replication does not work.",
    () => status().filter(({ isConnected }) => isConnected).length,
  );
  const perChannel = (name: string, help: string, value: (channel: ChannelStatus) => number): void => {
    room.gaugeByLabel(name, help, "channel", () =>
      status().map((channel) => [channel.name, value(channel)] as const),
    );
  };
  perChannel("connected", "Whether the channel is connected and follows: 0 or 1.", (channel) =>
    Number(channel.isConnected),
  );
  perChannel("failing", "Whether its last try failed, see replication status: 0 or 1.", (channel) =>
    Number(channel.lastError !== ""),
  );
  perChannel(
    "lag_changes",
    "Changes that it has not sent, those of stuck users apart.",
    ({ lagChanges }) => lagChanges,
  );
  perChannel(
    "lag_seconds",
    "Age of the oldest change that it has not sent, those of stuck users apart.",
    ({ lagSeconds }) => lagSeconds,
  );
  perChannel("queued_users", "Users in its queue, to be compared in full.", ({ queuedUsers }) => queuedUsers);
  perChannel(
    "stuck_users",
    "Users whom the replica refused and who are tried again.",
    ({ stuckUsers }) => stuckUsers.length,
  );
  perChannel(
    "stuck_seconds",
    "Age of the oldest change that a stuck user lacks on the replica.",
    ({ stuckSeconds }) => stuckSeconds,
  );
  return {
    uploaded(channel, count, size) {
      messages.inc({ channel }, count);
      bytes.inc({ channel }, size);
    },
    givenUp: (channel) => givenUp.inc({ channel }),
    watch: (read) => void (status = read),
  };
}
