/** The rules this project agreed on, as tests: a rule that is not here does not hold. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { optionGroups } from "../src/main/option-groups.ts";
import { configurationPage } from "./configuration-page.ts";
import { acceptanceViolations } from "./tidy/acceptance.ts";
import { layerViolations } from "./tidy/layers.ts";
import { badNames, defaultExports, machinePaths, tooLong, uncitedSpecs, worldTouched } from "./tidy/rules.ts";
import { root, type SourceFile, sourceFiles } from "./tidy/source-files.ts";

const src = sourceFiles("src");
const all = [...src, ...sourceFiles("test", "tools")];

function none(violations: readonly string[]): void {
  assert.equal(violations.join("\n"), "");
}

function document(name: string): string {
  const path = join(root, "docs", name);
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

test("tidy: rooms import themselves and lower rows only", () => none(layerViolations(src)));
test("tidy: files are one thought, at most 400 lines", () => none(tooLong(all)));
test("tidy: file names are kebab-case and say what is in the file", () => none(badNames(all)));
test("tidy: no default exports", () => none(defaultExports(all)));
test("tidy: clock, chance, disk and network through src/base/io", () => none(worldTouched(src)));
test("tidy: no paths of one machine", () =>
  none(machinePaths(all.filter(({ path }) => !path.startsWith("tools/tidy")))));
test("tidy: every RFC cited in src stands in docs/specs.md", () =>
  none(uncitedSpecs(src, document("specs.md"))));
test("tidy: acceptance rows have a status and tests that exist", () =>
  none(acceptanceViolations(document("acceptance.md"))));

test("tidy: docs/configuration.md is made from the options (npm run docs)", () => {
  assert.equal(document("configuration.md"), configurationPage());
});

test("tidy: every group of options stands in src/main/option-groups.ts", () => {
  const declared = src
    .filter(({ isTest, path }) => !isTest && path !== "src/config/option.ts")
    .flatMap(({ text }) =>
      [...text.matchAll(/\boptionGroup\(\s*"([a-z0-9]+)"/g)].map(([, name = ""]) => name),
    );
  assert.deepEqual(declared.sort(), optionGroups.map(({ name }) => name).sort());
});

test("tidy: the rules find what they look for", () => {
  const file = (path: string, text: string): SourceFile => ({ path, text, isTest: false });
  const upward = file(
    "src/store/a.ts",
    'import { b } from "../imap/b.ts";\nimport type { c } from "../base/c.ts";\n',
  );
  assert.deepEqual(layerViolations([upward]), [
    'src/store/a.ts: imports "../imap/b.ts", which is not below the room store',
  ]);
  assert.equal(layerViolations([file("src/imap/a.ts", 'export * from "../lmtp/b.ts";')]).length, 1);
  assert.equal(layerViolations([file("src/nowhere/a.ts", "")]).length, 1);
  assert.equal(tooLong([file("src/store/a.ts", "\n".repeat(401))]).length, 1);
  assert.equal(badNames([file("src/a/camelCase.ts", ""), file("src/a/utils.ts", "")]).length, 2);
  assert.equal(worldTouched([file("src/store/a.ts", "const now = Date.now();")]).length, 1);
  assert.equal(
    worldTouched([file("src/imap/a.ts", 'import {\n  createServer,\n} from "node:net";')]).length,
    1,
  );
  assert.equal(machinePaths([file("src/a/a.ts", "const folder = '/home/me/mail';")]).length, 1);
  assert.equal(uncitedSpecs([file("src/a/a.ts", "RFC 1 RFC 9051")], "| RFC 9051 | x |").length, 0);
  assert.equal(uncitedSpecs([file("src/a/a.ts", "RFC 3501 RFC 9051")], "| RFC 9051 | x |").length, 1);
  const row = acceptanceViolations("| S1.1 | maybe | x | test/no.test.ts |");
  assert.equal(row.filter((line) => line.startsWith("S1.1:")).length, 2);
  const source = acceptanceViolations("| S1.1 | kept | x | src/base/log.ts, tools/tidy.test.ts |");
  assert.equal(source.filter((line) => line.startsWith("S1.1:")).length, 1);
});
