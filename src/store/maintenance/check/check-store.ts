/**
 * Checks everything a store keeps against everything else it keeps. Reads only, on a connection of its own, so that it
 * runs beside a serving node: what is counted is counted in one snapshot, bodies are read afterwards page by page.
 *
 * Segment files must not be removed meanwhile (`Maintenance.hold`).
 */
import { mailboxFromRow, type MailboxRow } from "../../mailbox-row.ts";
import type { ReadIndex } from "../../read-index.ts";
import {
  checkFeed,
  checkGrants,
  checkOrphans,
  checkQuotas,
  checkReferences,
  checkSegmentAccounts,
  type CheckedAndCounted,
  type CheckedMailbox,
} from "./check-accounts.ts";
import { checkBodies, nameBadBodies, type BadBodies, type BodySourceOfCheck } from "./check-bodies.ts";
import { checkFiles } from "./check-files.ts";
import { checkHeader } from "./check-headers.ts";
import { checkMailbox } from "./check-mailbox.ts";
import { emptyPlan, found, progress, type Check, type CheckEvent, type RepairPlan } from "./finding.ts";
import { References } from "./references.ts";

/** Lines that SQLite says about a damaged file. */
const MAX_SQLITE_LINES = 100;

export interface CheckOptions {
  /** Without reading bodies: what can be said from the index alone. */
  readonly isQuick?: boolean;
}

export function* checkStore(
  source: BodySourceOfCheck,
  options: CheckOptions = {},
): Generator<CheckEvent, RepairPlan> {
  const plan = emptyPlan();
  const { index } = source;
  yield* checkDatabase(index);
  index.begin();
  let mailboxes: CheckedMailbox[];
  try {
    mailboxes = yield* checkIndex(index, plan);
  } finally {
    index.end();
  }
  yield* checkFiles(source);
  if (options.isQuick === true) return plan;
  const bad: BadBodies = new Map();
  yield* checkBodies(source, plan, bad);
  yield* nameBadBodies(
    index,
    mailboxes.map(({ statics }) => statics),
    bad,
    plan,
  );
  return plan;
}

function* checkDatabase(index: ReadIndex): Check {
  const lines = index.sql(`PRAGMA integrity_check(${MAX_SQLITE_LINES})`).pluck().all() as string[];
  for (const line of lines) {
    if (line !== "ok") {
      yield found({
        kind: "index_damaged",
        text: `the index database is damaged: ${line}; restore it from a backup`,
      });
    }
  }
}

function* checkIndex(index: ReadIndex, plan: RepairPlan): Generator<CheckEvent, CheckedAndCounted[]> {
  const references = new References(index);
  const rows = index.sql("SELECT * FROM mailboxes ORDER BY key").all() as MailboxRow[];
  const uses = new Map<string, string>();
  const mailboxes: CheckedAndCounted[] = [];
  for (const [done, row] of rows.entries()) {
    const mailbox = readHeader(row);
    if (typeof mailbox === "string") {
      yield found({ kind: "header_unreadable", text: `mailbox ${String(row["key"])}: ${mailbox}` });
      continue;
    }
    yield* checkHeader(mailbox.statics, uses, plan);
    const counted = yield* checkMailbox(index, mailbox.statics, mailbox.numbers, references, plan);
    mailboxes.push({ ...mailbox, counted });
    yield progress("mailboxes", done + 1, rows.length);
  }
  yield* checkReferences(index, references, plan);
  yield* checkSegmentAccounts(index, plan);
  yield* checkQuotas(index, mailboxes, plan);
  yield* checkFeed(index, plan);
  yield* checkGrants(index, plan);
  yield* checkOrphans(index, plan);
  return mailboxes;
}

function readHeader(row: MailboxRow): CheckedMailbox | string {
  try {
    return mailboxFromRow(row);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
