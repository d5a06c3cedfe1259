import assert from "node:assert/strict";
import { test } from "node:test";
import { Metrics } from "../../base/metrics.ts";
import type { ChannelStatus } from "./channel.ts";
import { replicationMetrics } from "./metrics.ts";

const FINE: ChannelStatus = {
  name: "second",
  host: "r2.example.test:2005",
  isConnected: true,
  isComparing: false,
  position: 12,
  lagChanges: 3,
  lagSeconds: 0.25,
  queuedUsers: 2,
  stuckUsers: [],
  stuckSeconds: 0,
  lastError: "",
  acknowledge: "local",
};

test("metrics: messages and bytes by channel, and how many channels work of how many (S1.32, S1.33)", async () => {
  const metrics = new Metrics();
  const replication = replicationMetrics(metrics.room("replication"));
  assert.equal(await metrics.value("rookery_replication_channels"), 0);
  const away = { ...FINE, name: "third", isConnected: false, lastError: "connect ECONNREFUSED" };
  replication.watch(() => [FINE, away]);
  replication.uploaded("second", 2, 4_000);
  replication.uploaded("second", 1, 500);
  replication.uploaded("third", 1, 10);
  replication.givenUp("third");
  const text = await metrics.text();
  const has = (line: string): void =>
    assert.ok(text.split("\n").includes(`rookery_replication_${line}`), line);
  has('messages_total{channel="second"} 3');
  has('messages_total{channel="third"} 1');
  has('bytes_total{channel="second"} 4500');
  has('acknowledge_given_up_total{channel="third"} 1');
  has("channels 2");
  has("active_channels 1");
});

test("metrics: each channel's lag, queue, refused users, connection and error are its own", async () => {
  const metrics = new Metrics();
  const stuck = {
    ...FINE,
    name: "third",
    isConnected: false,
    lastError: "alice: NO",
    stuckUsers: ["alice", ""],
    stuckSeconds: 7_200,
  };
  const behind = { ...stuck, lagChanges: 1_000, lagSeconds: 90, queuedUsers: 0 };
  replicationMetrics(metrics.room("replication")).watch(() => [FINE, behind]);
  const text = await metrics.text();
  const values = (name: string): string[] =>
    [...text.matchAll(new RegExp(`^rookery_replication_${name}\\{channel="(\\w+)"\\} (\\S+)$`, "gm"))].map(
      ([, channel, value]) => `${channel} ${value}`,
    );
  assert.deepEqual(values("lag_changes"), ["second 3", "third 1000"]);
  assert.deepEqual(values("lag_seconds"), ["second 0.25", "third 90"]);
  assert.deepEqual(values("queued_users"), ["second 2", "third 0"]);
  assert.deepEqual(values("stuck_users"), ["second 0", "third 2"]);
  assert.deepEqual(values("stuck_seconds"), ["second 0", "third 7200"]);
  assert.deepEqual(values("connected"), ["second 1", "third 0"]);
  assert.deepEqual(values("failing"), ["second 0", "third 1"]);
});
