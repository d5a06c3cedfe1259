import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { Metrics } from "../base/metrics.ts";
import { watchNode } from "./node-metrics.ts";

test("watchNode: free room, the certificate that ends first, what the index has not seen", async () => {
  const metrics = new Metrics();
  const certificate = { file: "x.pem", names: [], validFrom: new Date(0) };
  const certificates = [3_000_000, 2_000_000].map((ms) => ({ ...certificate, validTo: new Date(ms) }));
  watchNode(metrics, { dataFolder: tmpdir(), tls: { certificates }, textIndex: { lagChanges: 7 } });
  assert.ok(((await metrics.value("rookery_disk_free_bytes")) ?? 0) > 0);
  assert.equal(await metrics.value("rookery_tls_certificate_expiry_timestamp_seconds"), 2_000);
  assert.equal(await metrics.value("rookery_index_lag_changes"), 7);
});
