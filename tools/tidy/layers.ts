import { dirname, join } from "node:path";
import { importsOf, type SourceFile } from "./source-files.ts";

/** Rooms in rows, lowest first (docs/architecture.md). A room imports itself and lower rows only. */
export const ROWS: readonly (readonly string[])[] = [
  ["base"],
  ["config", "http"],
  ["wire", "mime", "ical", "sieve"],
  ["store", "directory"],
  ["index"],
  ["delivery", "queue"],
  ["imap", "lmtp", "pop3", "managesieve", "submission", "sync", "mupdate", "dav"],
  ["eas", "murder", "migrate"],
  ["admin"],
  ["main"],
];

/** One line for each import that goes sideways or upwards. Tests may import what they need. */
export function layerViolations(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ isTest }) => !isTest)
    .flatMap(({ path, text }) => {
      const row = rowOf(path);
      if (row === -1) return [`${path}: its room stands in no row`];
      return importsOf(text)
        .filter((name) => name.startsWith("."))
        .map((name) => ({ name, target: join(dirname(path), name) }))
        .filter(
          ({ target }) => roomOf(target) !== roomOf(path) && !(rowOf(target) < row && rowOf(target) !== -1),
        )
        .map(({ name }) => `${path}: imports "${name}", which is not below the room ${roomOf(path)}`);
    });
}

function roomOf(path: string): string {
  const [top = "", room = ""] = path.split("/");
  return top === "src" ? room : "";
}

function rowOf(path: string): number {
  return ROWS.findIndex((row) => row.includes(roomOf(path)));
}
