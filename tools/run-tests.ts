/**
 * What `npm test` runs: format, lint, types, then the tests group by group. Everything runs, so that one look shows
 * all that is broken; the exit code is 1 when anything failed.
 *
 * node tools/run-tests.ts [--long] [--only GROUP]...
 */
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { join } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { parseArgs } from "node:util";

interface Outcome {
  passed: number;
  failed: number;
  readonly skipped: string[];
}

/** Commands of node_modules/.bin that judge the source. */
const CHECKS: Readonly<Record<string, readonly string[]>> = {
  format: ["oxfmt", "--check", "src", "test", "tools"],
  lint: ["oxlint", "--type-aware", "--deny-warnings", "src", "test", "tools"],
  types: ["tsc", "-p", "."],
};

/** Real peers and killed processes are sensitive to load: one file at a time. */
const GROUPS: Readonly<Record<string, { readonly files: readonly string[]; readonly concurrency: number }>> =
  {
    unit: { files: ["src/**/*.test.ts", "tools/**/*.test.ts"], concurrency: 2 },
    transcripts: { files: ["test/transcripts/**/*.test.ts"], concurrency: 2 },
    contracts: { files: ["test/contracts/**/*.test.ts"], concurrency: 2 },
    sim: { files: ["test/sim/**/*.test.ts"], concurrency: 2 },
    fuzz: { files: ["test/fuzz/**/*.test.ts"], concurrency: 2 },
    interop: { files: ["test/interop/**/*.test.ts"], concurrency: 1 },
  };

const TEST_TIMEOUT_MS = 300_000;
const LONG_TEST_TIMEOUT_MS = 4 * 3_600_000;

const root = join(import.meta.dirname, "..");
process.chdir(root);
const { values } = parseArgs({
  options: { long: { type: "boolean" }, only: { type: "string", multiple: true } },
});
const long = values.long === true;
const known = [...Object.keys(CHECKS), ...Object.keys(GROUPS)];
const chosen = values.only ?? known;
const unknown = chosen.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`run-tests: no group ${unknown.join(", ")}; there are ${known.join(", ")}`);
  process.exit(2);
}
process.env["PATH"] = `${join(root, "node_modules", ".bin")}:${process.env["PATH"] ?? ""}`;
process.env["NODE_COMPILE_CACHE"] ??= join(root, "node_modules", ".cache", "node");
if (long) process.env["ROOKERY_LONG"] = "1";

const total: Outcome = { passed: 0, failed: 0, skipped: [] };
const broken: string[] = [];
for (const name of chosen) {
  const before = total.failed;
  console.log(`\n== ${name}`);
  if (CHECKS[name] === undefined) await runGroup(name, total);
  else runCheck(CHECKS[name], total);
  if (total.failed > before) broken.push(name);
}
if (total.skipped.length > 0)
  console.log(`\nskipped:\n${total.skipped.map((line) => `  ${line}\n`).join("")}`);
if (broken.length > 0) console.log(`\nfailed in: ${broken.join(", ")}`);
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed > 0 ? 1 : 0);

function runCheck([command = "", ...args]: readonly string[], outcome: Outcome): void {
  const { status, error } = spawnSync(command, args, { stdio: "inherit" });
  if (error !== undefined) console.error(`run-tests: cannot run ${command}: ${error.message}`);
  if (status === 0) outcome.passed++;
  else outcome.failed++;
}

async function runGroup(name: string, outcome: Outcome): Promise<void> {
  const group = GROUPS[name];
  const files = group?.files.flatMap((pattern) => globSync(pattern)).sort() ?? [];
  if (group === undefined || files.length === 0) {
    console.log("no tests yet");
    return;
  }
  const events = run({
    files,
    concurrency: group.concurrency,
    timeout: long ? LONG_TEST_TIMEOUT_MS : TEST_TIMEOUT_MS,
  });
  let counted = false;
  events.on("test:summary", ({ file, counts }) => {
    // One summary a file, then one without a file for all of them.
    if (file !== undefined) return;
    counted = true;
    outcome.passed += counts.passed;
    outcome.failed += counts.tests - counts.passed - counts.skipped - counts.todo;
  });
  events.on("test:pass", ({ name: test, skip }) => {
    if (skip !== undefined && skip !== false)
      outcome.skipped.push(`${test}${typeof skip === "string" ? `: ${skip}` : ""}`);
  });
  const printed = events.compose(new spec());
  for await (const text of printed) process.stdout.write(text as string);
  if (!counted) outcome.failed++;
}
