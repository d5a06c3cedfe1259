import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { TestContext } from "node:test";

/**
 * Is this program on the PATH? As root on Debian it has to be (tools/apt-packages.txt names it): then its absence fails
 * the test. Elsewhere the test is skipped with the reason.
 */
export function toolOrSkip(t: TestContext, name: string): boolean {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  if (folders.some((folder) => existsSync(join(folder, name)))) return true;
  if (existsSync("/etc/debian_version") && process.getuid?.() === 0) {
    throw new Error(`${name} is missing: run sh tools/setup.sh`);
  }
  t.skip(`${name} is not installed`);
  return false;
}
