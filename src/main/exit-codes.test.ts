import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { describeSystemFailure } from "../admin/system-failure.ts";
import { openSqlite } from "../base/io/sqlite.ts";
import { TlsContexts } from "../base/io/tls-contexts.ts";
import { IndexWorker } from "../index/worker-client.ts";
import { readConfiguration } from "./configuration.ts";
import { ExitCode, explain } from "./exit-codes.ts";
import { ownNames } from "./self-signed-files.ts";
import { configuredCertificateFiles } from "./tls-options.ts";

function failureOf(act: () => unknown): ReturnType<typeof explain> {
  try {
    act();
  } catch (error) {
    return explain(error);
  }
  return assert.fail("it did not fail");
}

test("explain: mistakes of the operator are no bugs, have no stack and say what to do", (context) => {
  const folder = mkdtempSync(join(tmpdir(), "rookery-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const garbage = join(folder, "garbage");
  writeFileSync(garbage, "no database, no certificate\n".repeat(200));
  const absent = join(folder, "absent", "file");
  const certificate = (file: string) => () => new TlsContexts([{ certificate: file, key: file }]);
  const cases: [act: () => unknown, exitCode: number, says: string][] = [
    [certificate(absent), ExitCode.configuration, absent],
    [certificate(garbage), ExitCode.configuration, garbage],
    [() => readFileSync(absent), ExitCode.refused, absent],
    [() => readFileSync(join(garbage, "below")), ExitCode.refused, garbage],
    [() => openSqlite(folder), ExitCode.unavailable, folder],
    [
      () => openSqlite(garbage, {}, (database) => database.pragma("journal_mode = WAL")),
      ExitCode.unavailable,
      garbage,
    ],
    [() => openSqlite(absent), ExitCode.unavailable, absent],
    [() => readConfiguration({ data: garbage }, { systemFile: false }), ExitCode.configuration, garbage],
  ];
  for (const [act, exitCode, says] of cases) {
    const { messages, next, ...failure } = failureOf(act);
    assert.equal(failure.exitCode, exitCode, says);
    assert.equal(messages.length, 1);
    assert.ok(messages[0]?.includes(says), messages[0]);
    assert.ok(next !== undefined && !next.includes("bug"));
  }
  const full = Object.assign(new Error("database or disk is full"), { code: "SQLITE_FULL" });
  assert.equal(explain(full).exitCode, ExitCode.unavailable);
  assert.equal(explain(new Error("wrapped", { cause: full })).exitCode, ExitCode.unavailable);
  assert.equal(explain(new TypeError("x is not a function")).exitCode, ExitCode.internal);
});

test("describeSystemFailure: what the text index's thread meets is known as well", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "rookery-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const failed = await new IndexWorker(folder).ask({ op: "totals" }).catch((error: unknown) => error);
  assert.equal(describeSystemFailure(failed)?.kind, "unavailable");

  const path = join(folder, "index.sqlite");
  const worker = new IndexWorker(path);
  await worker.ask({ op: "totals" });
  openSqlite(path, {}, (database) => database.exec("DROP TABLE segment")).close();
  await assert.rejects(worker.ask({ op: "totals" }), { code: "SQLITE_ERROR" });
  await worker.close();
});

test("ownNames: the configured name of the node is among them", () => {
  assert.ok(ownNames("Mail.Example.test").includes("mail.example.test"));
});

test("configuredCertificateFiles: only what the operator named", () => {
  const none = {
    certificate: undefined,
    key: undefined,
    keyPassphrase: undefined,
    moreCertificates: new Map(),
  };
  assert.deepEqual(configuredCertificateFiles(none), []);
  const [named] = configuredCertificateFiles({ ...none, certificate: "/nope.pem" });
  assert.equal(named?.key, "/nope.pem");
});
