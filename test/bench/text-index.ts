/**
 * The text index alone: build rate, size, query times on N messages of 4 KiB (default 100,000).
 * `node test/bench/text-index.ts [N]`
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fold } from "../../src/mime/fold.ts";
import { IndexDatabase } from "../../src/index/index-database.ts";
import { SampleMail } from "./sample-mail.ts";

const count = Number(process.argv[2] ?? 100_000);
const batch = 256;
const folder = mkdtempSync(join(tmpdir(), "rookery-bench-"));
const path = join(folder, "index.sqlite");
const mail = new SampleMail();
let index = new IndexDatabase(path);

let buildMs = 0;
let slowestMs = 0;
let bytes = 0;
for (let from = 0; from < count; from += batch) {
  const bodies = Array.from({ length: Math.min(batch, count - from) }, (_, at) => ({
    uid: from + at + 1,
    bytes: mail.message(from + at),
  }));
  for (const body of bodies) bytes += body.bytes.length;
  const start = performance.now();
  index.add(1, 1, bodies, from + bodies.length);
  const ms = performance.now() - start;
  buildMs += ms;
  slowestMs = Math.max(slowestMs, ms);
}
const rate = Math.round((count / buildMs) * 1000);
console.log(
  `build: ${count} messages, ${(bytes / 1e6).toFixed(0)} MB, ${rate} messages/s, ${(bytes / 1e3 / buildMs).toFixed(1)} MB/s, slowest batch with merges ${slowestMs.toFixed(0)} ms`,
);
const { sizeBytes, segments } = index.totals();
console.log(
  `size: ${(sizeBytes / 1e6).toFixed(0)} MB in ${segments} segments (${((100 * sizeBytes) / bytes).toFixed(0)} % of the text); file ${(statSync(path).size / 1e6).toFixed(0)} MB`,
);
index.close();

index = new IndexDatabase(path);
for (const round of ["cold", "warm"]) {
  for (const query of [
    `needle${count >> 1}x`,
    "eedle1234",
    "bako",
    "e",
    "mx.example",
    "alice@example.test",
    "ba",
    "nowhere at all",
  ]) {
    const start = performance.now();
    const { uids, exact } = index.candidates(1, "text", fold(query));
    console.log(
      `${round} ${JSON.stringify(query)}: ${(performance.now() - start).toFixed(1)} ms, ${uids.length} ${exact ? "hits" : "candidates"}`,
    );
  }
}
console.log(`RSS ${(process.memoryUsage.rss() / 1e6).toFixed(0)} MB`);
index.close();
rmSync(folder, { recursive: true });
