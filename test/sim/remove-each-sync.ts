/**
 * Proof that the crash tests notice: in a scratch copy of the tree every sync of the store is taken out, one at a
 * time, and some test must turn red. Run by hand: `node test/sim/remove-each-sync.ts`. Takes a minute for each sync.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
const TESTS = [
  "test/sim/store-crash.test.ts",
  "test/sim/store-faults.test.ts",
  "test/sim/store-maintenance.test.ts",
  "test/interop/strace-order.test.ts",
];

interface Removal {
  readonly file: string;
  readonly line: number;
  readonly text: string;
  readonly without: string;
}

/** A call that is a statement of its own is dropped; the pragma becomes the weaker one. */
function removalsIn(file: string): Removal[] {
  const removals: Removal[] = [];
  for (const [index, text] of readFileSync(join(ROOT, file), "utf8").split("\n").entries()) {
    const dropped = text.replace(/[\w.#()[\]?!]+\.(?:sync\(\)|syncFolder\([^;]*\));/, "void 0;");
    const weaker = dropped.replace(/(synchronous\s*=\s*)(?:FULL|EXTRA|2|3)\b/i, "$1NORMAL");
    // A comment may speak of it.
    if (weaker !== text && !/^\s*(?:\*|\/\/)/.test(text)) {
      removals.push({ file, line: index + 1, text: text.trim(), without: weaker });
    }
  }
  return removals;
}

function failingTests(tree: string): string[] {
  return TESTS.filter((test) => {
    const run = spawnSync(process.execPath, ["--test", test], { cwd: tree, timeout: 300_000 });
    return run.status !== 0;
  });
}

const tree = mkdtempSync(join(tmpdir(), "rookery-removed-"));
let unnoticed = 0;
try {
  for (const name of ["src", "test", "package.json", "tsconfig.json"]) {
    cpSync(join(ROOT, name), join(tree, name), { recursive: true });
  }
  symlinkSync(join(ROOT, "node_modules"), join(tree, "node_modules"));
  const sources = readdirSync(join(ROOT, "src/store"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .map((name) => join("src/store", name));
  const before = failingTests(tree);
  if (before.length > 0) throw new Error(`red before anything was removed: ${before.join(", ")}`);
  for (const { file, line, text, without } of sources.flatMap(removalsIn)) {
    const whole = readFileSync(join(tree, file), "utf8");
    writeFileSync(
      join(tree, file),
      whole
        .split("\n")
        .with(line - 1, without)
        .join("\n"),
    );
    const red = failingTests(tree);
    writeFileSync(join(tree, file), whole);
    if (red.length === 0) unnoticed += 1;
    console.log(`${file}:${line} ${text}\n  ${red.length === 0 ? "NOTICED BY NO TEST" : red.join(", ")}`);
  }
} finally {
  rmSync(tree, { recursive: true, force: true });
}
process.exitCode = unnoticed === 0 ? 0 : 1;
