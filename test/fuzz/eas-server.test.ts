/** Hostile requests to the gateway: always an answer of the protocol, nothing kept, nothing logged as a bug. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { systemClock } from "../../src/base/io/clock.ts";
import { systemRandom } from "../../src/base/io/random.ts";
import { Logs } from "../../src/base/log.ts";
import { Metrics } from "../../src/base/metrics.ts";
import { printBasic } from "../../src/eas/authorization.ts";
import { document } from "../../src/eas/client.ts";
import { openGateway } from "../../src/eas/gateway.ts";
import { nameOf } from "../../src/wire/wbxml/code-pages.ts";
import { tagOf } from "../../src/wire/wbxml/code-pages.ts";
import { easSettings, policySettings, TestAccounts } from "../support/eas-host.ts";
import { MemoryStates } from "../support/memory-states.ts";

const commands = ["Provision", "Settings", "Sync", "Ping", "FolderSync", "SendMail", "Search", "Nothing", ""];
const STATUSES = new Set([200, 400, 401, 403, 413, 449, 500, 501, 503, 505, 507]);
const knownTags = Array.from({ length: 26 * 64 }, (_, index) => ((index >> 6) << 8) | (index & 63)).filter(
  (tag) => nameOf(tag) !== undefined,
);

/** WBXML that reads well and means nothing. */
const nonsense = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...knownTags).map((tag) => ({ tag })) },
      { weight: 2, arbitrary: fc.string({ maxLength: 30 }).map((text) => ({ text })) },
      { weight: 2, arbitrary: fc.constant({}) },
    ),
    { maxLength: 60 },
  )
  .map((steps) =>
    document((writer) => {
      let depth = 1;
      writer.start(tagOf("Settings:Settings"));
      for (const step of steps as readonly { readonly tag?: number; readonly text?: string }[]) {
        if (step.tag !== undefined && depth < 60) {
          writer.start(step.tag);
          depth += 1;
        } else if (step.text !== undefined) writer.inline(step.text);
        else if (depth > 1) {
          writer.end();
          depth -= 1;
        }
      }
      for (; depth > 0; depth -= 1) writer.end();
    }),
  );
const cutOrBent = fc.tuple(nonsense, fc.nat(), fc.nat({ max: 255 })).map(([bytes, at, value]) => {
  const bent = Buffer.from(bytes);
  bent[at % bent.length] = value;
  return value % 2 === 0 ? bent : bent.subarray(0, at % bent.length);
});
const body = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  nonsense,
  cutOrBent,
);

test("fuzz: whatever a device sends, the gateway answers and forgets it", async () => {
  const errors: string[] = [];
  const logs = new Logs({
    level: "error",
    format: "json",
    destination: (line) => errors.push(line),
  });
  const { server } = openGateway({
    accounts: new TestAccounts(),
    states: new MemoryStates(),
    classes: [],
    settings: easSettings({ maxDevices: 10_000 }),
    policy: policySettings({ required: false }),
    clock: systemClock,
    random: systemRandom,
    logs: (name) => logs.named(name),
    metrics: new Metrics().room("eas"),
    traces: { append() {} },
    // Not what this test is about, and they need a mailbox.
    moreCommands: ["Sync", "Ping", "FolderSync", "SendMail", "Search"].map((name) => ({
      name,
      run: () => Promise.resolve({ kind: "empty" as const }),
    })),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...commands),
      fc.constantFrom("12.0", "12.1", "14.0", "14.1", "16.0", "16.1", "2.5", "x", ""),
      fc.oneof(fc.constant(printBasic({ name: "alice", password: "secret" })), fc.string()),
      fc.oneof(fc.constant("Dev1"), fc.string({ maxLength: 40 })),
      fc.constantFrom("application/vnd.ms-sync.wbxml", "message/rfc822", "", "text/xml"),
      fc.oneof(fc.constant(undefined), fc.string({ maxLength: 12 })),
      body,
      async (command, version, authorization, deviceId, type, policyKey, bytes) => {
        const query = new URLSearchParams({
          Cmd: command,
          DeviceId: deviceId,
          DeviceType: "Fuzz",
        }).toString();
        const answer = await server.handle({
          method: "POST",
          query: bytes.length % 5 === 0 ? bytes.toString("base64") : query,
          headers: {
            authorization,
            "content-type": type,
            "ms-asprotocolversion": version,
            "x-ms-policykey": policyKey,
            "content-length": policyKey ?? String(bytes.length),
          },
          remoteAddress: "192.0.2.1",
          tls: true,
          body: () => Promise.resolve(bytes),
          gone: new AbortController().signal,
        });
        assert.ok(STATUSES.has(answer.status), String(answer.status));
        assert.equal(server.requestCount, 0);
      },
    ),
    { numRuns: 2000, seed: 20_261_122 },
  );
  assert.deepEqual(errors, []);
});
