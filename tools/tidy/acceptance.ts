import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "./source-files.ts";

/** Systems whose every acceptance line must have a row: prefix → number of lines. */
export const FINISHED: Readonly<Record<string, number>> = { S4: 87 };

const STATUS = new Set(["kept", "changed", "dropped", "open"]);

/** Rows are `| S1.1 | kept | why or how | test/… or — |`. */
export function acceptanceViolations(text: string): string[] {
  const rows = [...text.matchAll(/^\| (S\d+\.\d+) \| ([^|]*)\| ([^|]*)\| ([^|]*)\|$/gm)];
  const seen = new Set(rows.map(([, id]) => id));
  const wrong = rows.flatMap(([, id = "", status = "", , tests = ""]) => {
    const problems: string[] = [];
    if (!STATUS.has(status.trim()))
      problems.push(`${id}: status "${status.trim()}" is none of ${[...STATUS].join(", ")}`);
    // Sources show nothing; a row without a test has a dash.
    for (const path of tests.split(",").map((word) => word.trim())) {
      if (path !== "—" && !/^(?:src|test|tools)\/[\w./-]+\.(?:test\.ts|txt)$/.test(path))
        problems.push(`${id}: "${path}" is no test`);
    }
    for (const [path] of tests.matchAll(/(?:src|test|tools)\/[\w./-]+\.(?:test\.ts|txt)/g)) {
      if (!existsSync(join(root, path))) problems.push(`${id}: ${path} does not exist`);
    }
    return problems;
  });
  for (const [prefix, count] of Object.entries(FINISHED)) {
    for (let number = 1; number <= count; number++) {
      if (!seen.has(`${prefix}.${number}`)) wrong.push(`${prefix}.${number}: no row`);
    }
  }
  return wrong;
}
