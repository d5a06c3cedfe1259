import assert from "node:assert/strict";
import { test } from "node:test";
import { Metrics } from "./metrics.ts";

test("Metrics: names carry the room; the same metric is made once", async () => {
  const metrics = new Metrics();
  const room = metrics.room("imap");
  const commands = room.counter("commands_total", "Commands by name.", ["command"]);
  commands.labels("FETCH").inc(2);
  assert.equal(room.counter("commands_total", "Commands by name.", ["command"]), commands);
  commands.labels("NOOP").inc();
  room.gauge("sessions", "Open sessions.", () => 7);
  room.histogram("command_seconds", "How long commands take.").observe(0.002);
  const text = await metrics.text();
  assert.match(text, /^rookery_imap_commands_total\{command="FETCH"\} 2$/m);
  assert.match(text, /^rookery_imap_sessions 7$/m);
  assert.match(text, /^rookery_imap_command_seconds_bucket\{le="0.0025"\} 1$/m);
  assert.equal(await metrics.value("rookery_imap_commands_total"), 3);
  assert.equal(await metrics.value("rookery_imap_nothing"), undefined);
});

test("Metrics: a gauge by label has what there is at the scrape", async () => {
  const metrics = new Metrics();
  let queues = new Map([
    ["a", 1],
    ["b", 2],
  ]);
  metrics.room("imap").gaugeByLabel("queued", "Waiting.", "queue", () => queues);
  assert.match(await metrics.text(), /queued\{queue="a"\} 1\n.*queued\{queue="b"\} 2\n/);
  queues = new Map([["b", 3]]);
  const text = await metrics.text();
  assert.match(text, /queued\{queue="b"\} 3\n/);
  assert.doesNotMatch(text, /queue="a"/);
});

test("Metrics: names without their unit are bugs", () => {
  const room = new Metrics().room("imap");
  assert.throws(() => room.counter("commands", "Commands."), /_total/);
  assert.throws(() => room.histogram("time", "Time."), /unit/);
});
