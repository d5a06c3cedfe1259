/**
 * The thread of an `SqliteDatabase`: it alone waits for the disk. Changes that come while one commit runs share the
 * next, each in a savepoint, so that what fails takes back only itself. Reads have a connection of their own and see
 * what is committed.
 */
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../assert.ts";
import type { SqlErrorCode } from "./port.ts";
import { SqliteConnection } from "./sqlite-connection.ts";
import type { SqliteReply, SqliteRequest, SqliteThreadData } from "./sqlite-messages.ts";

type Change = Extract<SqliteRequest, { op: "query" | "batch" | "begin" }>;

/** Changes in one commit: bounds how long the first of them waits. */
const MAX_TOGETHER = 256;
/** A transaction whose decisions take longer is undone: others wait behind it. */
const TRANSACTION_TIMEOUT_MS = 30_000;

const port = parentPort;
assert(port !== null, "SQLite thread started outside of a worker thread");
const { path } = workerData as SqliteThreadData;
const writer = SqliteConnection.openWriter(path);
// A database in memory belongs to its one connection.
const reader = path === ":memory:" ? writer : SqliteConnection.openReader(path);

let waiting: Change[] = [];
let scheduled = false;
let transaction: { readonly id: number; readonly timer: NodeJS.Timeout } | undefined;
let closing: number | undefined;

port.on("message", (request: SqliteRequest) => {
  switch (request.op) {
    case "query":
      if (reader.isRead(request.sql)) read(request);
      else wait(request);
      return;
    case "batch":
    case "begin":
      wait(request);
      return;
    case "statement":
    case "commit":
    case "rollback":
      inTransaction(request);
      return;
    case "close":
      closing = request.id;
      schedule();
  }
});

function read({ id, sql, values }: Extract<SqliteRequest, { op: "query" }>): void {
  answer([attempt(id, () => ({ id, rows: reader.rows(sql, values) }))]);
}

function wait(request: Change): void {
  waiting.push(request);
  schedule();
}

/** After the messages that are here already. */
function schedule(): void {
  if (scheduled || transaction !== undefined) return;
  scheduled = true;
  setImmediate(() => {
    scheduled = false;
    work();
  });
}

function work(): void {
  if (transaction !== undefined) return;
  const [first] = waiting;
  if (first?.op === "begin") {
    waiting.shift();
    begin(first.id);
    return;
  }
  const end = waiting.findIndex(({ op }) => op === "begin");
  const together = waiting.splice(0, Math.min(end === -1 ? waiting.length : end, MAX_TOGETHER));
  if (together.length > 0) commitTogether(together);
  if (waiting.length > 0) schedule();
  else if (closing !== undefined) close(closing);
}

function commitTogether(changes: readonly Change[]): void {
  // What took the transaction with it must not take the others: each gets a commit of its own.
  answer(tryTogether(changes) ?? changes.flatMap((change) => tryTogether([change]) ?? []));
}

/** Undefined: one of several has ended the whole transaction, nothing is done. */
function tryTogether(changes: readonly Change[]): SqliteReply[] | undefined {
  const replies: SqliteReply[] = [];
  try {
    writer.run("BEGIN IMMEDIATE");
    for (const change of changes) {
      replies.push(attempt(change.id, () => apply(change)));
      // A full database rolls back by itself (https://sqlite.org/lang_transaction.html §3): what came next would commit alone.
      if (!writer.isInTransaction) return changes.length > 1 ? undefined : replies;
    }
    writer.run("COMMIT");
    return replies;
  } catch (error) {
    writer.undo();
    return changes.map(({ id }) => failed(id, error));
  }
}

function apply(change: Change): SqliteReply {
  const { id } = change;
  assert(change.op !== "begin", "a transaction shares no commit");
  if (change.op === "query") {
    return { id, rows: writer.savepoint(() => writer.rows(change.sql, change.values)) };
  }
  const changes = writer.savepoint(() => {
    const counts: number[] = [];
    for (const { sql, values, expectedChanges } of change.statements) {
      const count = writer.changes(sql, values);
      if (expectedChanges !== undefined && count !== expectedChanges) return undefined;
      counts.push(count);
    }
    return counts;
  });
  return { id, changes };
}

function begin(id: number): void {
  try {
    writer.run("BEGIN IMMEDIATE");
  } catch (error) {
    answer([failed(id, error)]);
    schedule();
    return;
  }
  const timer = setTimeout(() => end("ROLLBACK"), TRANSACTION_TIMEOUT_MS);
  transaction = { id, timer };
  answer([{ id, done: true }]);
}

function inTransaction(request: Extract<SqliteRequest, { op: "statement" | "commit" | "rollback" }>): void {
  const { id } = request;
  if (transaction?.id !== request.transaction) {
    const message = `transaction took longer than ${TRANSACTION_TIMEOUT_MS} ms and was undone`;
    answer([{ id, error: { code: "unavailable", message } }]);
    return;
  }
  if (!writer.isInTransaction) {
    if (request.op !== "statement") leave();
    answer([{ id, error: { code: "unavailable", message: "the database has undone the transaction" } }]);
    return;
  }
  if (request.op === "statement") {
    answer([attempt(id, () => ({ id, rows: writer.rows(request.sql, request.values) }))]);
    return;
  }
  const verb = request.op === "commit" ? "COMMIT" : "ROLLBACK";
  answer([attempt(id, () => (end(verb), { id, done: true }))]);
}

function end(verb: "COMMIT" | "ROLLBACK"): void {
  try {
    if (writer.isInTransaction) writer.run(verb);
  } finally {
    writer.undo();
    leave();
  }
}

function leave(): void {
  assert(transaction !== undefined, "no transaction is open");
  clearTimeout(transaction.timer);
  transaction = undefined;
  schedule();
}

function close(id: number): void {
  if (reader !== writer) reader.close();
  writer.close();
  answer([{ id, done: true }]);
  port?.close();
}

function attempt(id: number, run: () => SqliteReply): SqliteReply {
  try {
    return run();
  } catch (error) {
    return failed(id, error);
  }
}

function failed(id: number, error: unknown): SqliteReply {
  const message = error instanceof Error ? error.message : String(error);
  return { id, error: { code: codeOf(error), message } };
}

function answer(replies: readonly SqliteReply[]): void {
  port?.postMessage(replies);
}

/** https://sqlite.org/rescode.html */
function codeOf(error: unknown): SqlErrorCode {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code.startsWith("SQLITE_CONSTRAINT")) return "constraint";
  if (code === "SQLITE_FULL") return "disk_full";
  return /^SQLITE_(BUSY|LOCKED|IOERR|PROTOCOL)/.test(code) ? "unavailable" : "refused";
}
