/** What became of a user's mail, folder by folder, with every loss by name: as text, CSV or a page. */
import { countOf, parseRanges } from "../../wire/number-set.ts";
import { type OutcomeCounts, lossesOf } from "./cursor.ts";
import type { Ledger, LedgerUser } from "./ledger.ts";
import type { Verification } from "./verification.ts";

export interface UserReport {
  readonly user: LedgerUser;
  readonly folders: readonly FolderReport[];
  readonly verification: Verification | undefined;
}

export interface FolderReport {
  readonly source: string;
  readonly target: string;
  readonly counts: OutcomeCounts;
  /** The last run came to its end. */
  readonly complete: boolean;
  readonly losses: readonly { readonly uid: number; readonly outcome: string; readonly reason: string }[];
  /** From before the source's UIDVALIDITY changed: kept at the target, as any of them may be one of the losses. */
  readonly keptCopies: number;
}

/** Of a folder, named in a report; the rest is counted. */
const MAX_NAMED_LOSSES = 10_000;

export async function userReport(ledger: Ledger, user: LedgerUser): Promise<UserReport> {
  const folders: FolderReport[] = [];
  for (const folder of (await ledger.folders(user)).values()) {
    const { counts, target, complete, former } = folder.cursor;
    const keptCopies = complete || lossesOf(counts) > 0 ? countOf(parseRanges(former ?? "") ?? []) : 0;
    const losses: FolderReport["losses"][number][] = [];
    if (lossesOf(counts) > 0) {
      const reasons = await folder.reasons();
      for await (const { uid, outcome } of folder.all()) {
        if (outcome !== "skipped" && outcome !== "missing") continue;
        if (losses.length < MAX_NAMED_LOSSES) losses.push({ uid, outcome, reason: reasons.get(uid) ?? "" });
      }
    }
    const names = { source: folder.sourceFolder, target: target.join("/") };
    folders.push({ ...names, counts, complete, losses, keptCopies });
  }
  const last = await ledger.verification(user);
  const verification = last === undefined ? undefined : (JSON.parse(last.json) as Verification);
  return { user, folders, verification };
}

export function totalOf({ folders }: UserReport): OutcomeCounts & { readonly losses: number } {
  const sum = (of: (counts: OutcomeCounts) => number): number =>
    folders.reduce((total, { counts }) => total + of(counts), 0);
  return {
    saved: sum(({ saved }) => saved),
    already: sum(({ already }) => already),
    skipped: sum(({ skipped }) => skipped),
    missing: sum(({ missing }) => missing),
    deleted: sum(({ deleted }) => deleted),
    storedBytes: sum(({ storedBytes }) => storedBytes),
    losses: sum(lossesOf),
  };
}

export function textReport(report: UserReport): string {
  const { user, folders, verification } = report;
  const total = totalOf(report);
  const lines = [`${user.source} ${user.sourceUid}: ${countsText(total)}`];
  for (const folder of folders) {
    const name = folder.source === folder.target ? folder.source : `${folder.source} → ${folder.target}`;
    lines.push(`  ${name}: ${countsText(folder.counts)}${folder.complete ? "" : " (not finished)"}`);
    for (const { uid, outcome, reason } of folder.losses) lines.push(`    UID ${uid} ${outcome}: ${reason}`);
    if (folder.keptCopies > 0) lines.push(`    ${keptText(folder)}`);
  }
  lines.push(...verificationText(verification));
  return `${lines.join("\n")}\n`;
}

function keptText({ keptCopies }: FolderReport): string {
  return `${keptCopies} copies from before its UIDVALIDITY changed are kept`;
}

function countsText({ saved, already, skipped, missing, deleted, storedBytes }: OutcomeCounts): string {
  const parts = [`${saved} saved`, `${already} were there`, `${skipped} skipped`, `${missing} missing`];
  if (deleted > 0) parts.push(`${deleted} deleted at the source since`);
  return `${parts.join(", ")}; ${storedBytes} bytes`;
}

function verificationText(verification: Verification | undefined): string[] {
  if (verification === undefined) return ["  not verified yet"];
  const { atMs, level, losses, folders } = verification;
  const when = new Date(atMs).toISOString();
  const lines = [`  verified ${when} by ${level}: ${losses === 0 ? "equal" : `${losses} losses`}`];
  for (const folder of folders) {
    if (folder.lossCount === 0) continue;
    const numbers = `${folder.sourceMessages} at the source, ${folder.targetMessages} at the target`;
    lines.push(`    ${folder.source}: ${numbers}, ${folder.lossCount} losses`);
    for (const { uid, reason } of folder.losses)
      lines.push(`      ${uid === 0 ? "" : `UID ${uid} `}${reason}`);
  }
  return lines;
}

const CSV_HEADER =
  "source,user,folder,target,row,uid,outcome,reason,saved,already,skipped,missing,deleted,bytes";

/** One line a folder (`row` = folder), a loss (`loss`), a difference that the verification found (`verify`). RFC 4180. */
export function csvReport(reports: Iterable<UserReport>): string {
  const lines = [CSV_HEADER];
  for (const { user, folders, verification } of reports) {
    const start = [user.source, user.sourceUid];
    for (const { source, target, counts, losses } of folders) {
      const { saved, already, skipped, missing, deleted, storedBytes } = counts;
      const numbers = [saved, already, skipped, missing, deleted, storedBytes];
      lines.push(csvLine([...start, source, target, "folder", "", "", "", ...numbers]));
      for (const { uid, outcome, reason } of losses) {
        lines.push(csvLine([...start, source, target, "loss", uid, outcome, reason, ...NO_NUMBERS]));
      }
    }
    for (const { source, target, losses } of verification?.folders ?? []) {
      for (const { uid, reason } of losses) {
        lines.push(csvLine([...start, source, target, "verify", uid, "differs", reason, ...NO_NUMBERS]));
      }
    }
  }
  return `${lines.join("\r\n")}\r\n`;
}

const NO_NUMBERS = ["", "", "", "", "", ""];

function csvLine(fields: readonly (string | number)[]): string {
  return fields.map(csvField).join(",");
}

function csvField(field: string | number): string {
  const text = String(field);
  // A folder may be called `=1+1`: a spreadsheet must not take it for a formula.
  const safe = typeof field === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function htmlReport(reports: Iterable<UserReport>, atMs: number): string {
  const rows: string[] = [];
  for (const report of reports) {
    const { user, folders, verification } = report;
    const name = escape(`${user.source} ${user.sourceUid}`);
    const state =
      verification === undefined
        ? "not verified"
        : verification.losses === 0
          ? `equal (${verification.level})`
          : `${verification.losses} losses`;
    const cells = numberCells(totalOf(report));
    rows.push(`<tr class="user"><th colspan="2">${name}</th>${cells}<td>${escape(state)}</td></tr>`);
    for (const folder of folders) {
      const { source, target, counts, losses } = folder;
      rows.push(
        `<tr><td>${escape(source)}</td><td>${escape(target)}</td>${numberCells(counts)}<td></td></tr>`,
      );
      for (const { uid, outcome, reason } of losses) rows.push(lossRow(uid, `${outcome}: ${reason}`));
      if (folder.keptCopies > 0) rows.push(lossRow(0, keptText(folder)));
    }
    for (const { losses } of verification?.folders ?? []) {
      for (const { uid, reason } of losses) rows.push(lossRow(uid, reason));
    }
  }
  const when = escape(new Date(atMs).toISOString());
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Migration report</title><style>${STYLE}</style></head><body>
<h1>Migration report</h1><p>${when}</p>
<table><tr><th>Folder</th><th>Target</th><th>Saved</th><th>There</th><th>Skipped</th><th>Missing</th><th>Deleted</th><th>Bytes</th><th>Verified</th></tr>
${rows.join("\n")}
</table></body></html>
`;
}

const STYLE =
  "body{font:14px sans-serif;margin:2em}table{border-collapse:collapse}td,th{padding:.2em .6em;text-align:left;border-bottom:1px solid #ddd}tr.user{background:#eef}tr.loss{color:#a00}";

function numberCells({ saved, already, skipped, missing, deleted, storedBytes }: OutcomeCounts): string {
  const numbers = [saved, already, skipped, missing, deleted, storedBytes];
  return numbers.map((number) => `<td>${number}</td>`).join("");
}

function lossRow(uid: number, text: string): string {
  return `<tr class="loss"><td></td><td colspan="8">${uid === 0 ? "" : `UID ${uid} `}${escape(text)}</td></tr>`;
}

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
