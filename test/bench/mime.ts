/** Summaries: messages and megabytes a second, and reading them back. `node test/bench/mime.ts` */
import { decodeSummary, encodeSummary } from "../../src/mime/summary-codec.ts";
import { summarize } from "../../src/mime/summarize.ts";
import { SampleMail } from "./sample-mail.ts";

const mail = new SampleMail();
const attachment = Buffer.alloc(
  1024 * 1024,
  "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0\r\n",
);
const multipart = Buffer.concat([
  Buffer.from(
    'From: a@example.test\r\nSubject: big\r\nContent-Type: multipart/mixed; boundary="frontier"\r\n\r\n--frontier\r\n\r\ntext\r\n--frontier\r\nContent-Type: application/pdf; name="x.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\n',
  ),
  attachment,
  Buffer.from("--frontier--\r\n"),
]);
const kinds = [
  { name: "4 KiB text", messages: Array.from({ length: 500 }, (_, number) => mail.message(number)) },
  { name: "20 KiB text", messages: Array.from({ length: 200 }, (_, number) => mail.message(number, 20_480)) },
  { name: "1 MiB attachment", messages: [multipart] },
];

for (const { name, messages } of kinds) {
  let best = 0;
  let bytesPerMs = 0;
  for (let round = 0; round < 5; round++) {
    let count = 0;
    let bytes = 0;
    const start = performance.now();
    while (performance.now() - start < 400) {
      for (const message of messages) {
        encodeSummary(summarize(message));
        bytes += message.length;
      }
      count += messages.length;
    }
    const ms = performance.now() - start;
    if (count / ms > best) {
      best = count / ms;
      bytesPerMs = bytes / ms;
    }
  }
  console.log(
    `summarize + encode, ${name}: ${Math.round(best * 1000)} messages/s, ${Math.round(bytesPerMs / 1000)} MB/s`,
  );
}

const packed = kinds[0]!.messages.map((message) => encodeSummary(summarize(message)));
const size = packed.reduce((sum, bytes) => sum + bytes.length, 0) / packed.length;
console.log(`packed summary: ${Math.round(size)} bytes`);
for (const [name, read] of [
  ["envelope", (bytes: Buffer) => decodeSummary(bytes).envelope.length],
  ["body structure", (bytes: Buffer) => decodeSummary(bytes).bodyStructure.length],
  ["base subject", (bytes: Buffer) => decodeSummary(bytes).baseSubject.length],
  ["part tree", (bytes: Buffer) => decodeSummary(bytes).root.bodyEnd],
] as const) {
  let total = 0;
  for (let round = 0; round < 100; round++) for (const bytes of packed) total += read(bytes);
  const start = performance.now();
  for (let round = 0; round < 400; round++) for (const bytes of packed) total += read(bytes);
  const ns = ((performance.now() - start) * 1e6) / (400 * packed.length);
  console.log(`read ${name}: ${ns.toFixed(0)} ns (${total > 0 ? "ok" : "empty"})`);
}
