/** Writes docs/configuration.md from the options: `npm run docs`. The tidy test fails while it is out of date. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { configurationPage } from "./configuration-page.ts";

const page = join(import.meta.dirname, "..", "docs", "configuration.md");
writeFileSync(page, configurationPage());
console.log(`wrote ${page}`);
