import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

export const root = join(import.meta.dirname, "..", "..");

export interface SourceFile {
  /** From the repository's root: "src/store/port.ts". */
  readonly path: string;
  readonly text: string;
  readonly isTest: boolean;
}

/** TypeScript below the given folders. */
export function sourceFiles(...folders: readonly string[]): SourceFile[] {
  return folders
    .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => !path.includes("node_modules"))
    .sort()
    .map((path) => ({
      path,
      text: readFileSync(join(root, path), "utf8"),
      isTest: path.endsWith(".test.ts") || path.startsWith("test/"),
    }));
}

/** What a file imports, as written. */
export function importsOf(text: string): string[] {
  const found = text.matchAll(/(?:^import |^export |\bfrom |\bimport\()\s*"([^"\n]+)"/gm);
  return [...found].map(([, name = ""]) => name);
}
