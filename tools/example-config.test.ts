import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { loadConfig } from "../src/config/load.ts";
import { optionGroups } from "../src/main/option-groups.ts";
import { root } from "./tidy/source-files.ts";

test("contrib/rookery.yaml: is a configuration without mistakes", () => {
  const path = join(root, "contrib", "rookery.yaml");
  const readText = (file: string): string => assert.fail(`the example needs ${file}`);
  const file = { path, text: readFileSync(path, "utf8") };
  const config = loadConfig(optionGroups, { file, readText, folder: "/" });
  assert.ok(config.entries.some(({ origin }) => origin.startsWith(path)));
});
