/** Agreed rules about source text; each gives one line for each violation. */
import { basename } from "node:path";
import type { SourceFile } from "./source-files.ts";

const MAX_LINES = 400;
/** Visible tables and models, which are one thought however long. */
const LONG_FILES: ReadonlySet<string> = new Set(["src/store/port.ts", "src/store/model.ts"]);

export function tooLong(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path, text }) => !LONG_FILES.has(path) && text.split("\n").length - 1 > MAX_LINES)
    .map(({ path, text }) => `${path}: ${text.split("\n").length - 1} lines, more than ${MAX_LINES}`);
}

const FORBIDDEN_NAMES = /^(utils?|helpers?|common|misc|index|types)\.ts$|-(manager|helper|impl|utils?)\.ts$/;

export function badNames(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path }) => {
    const name = basename(path);
    if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.ts$/.test(name)) return [`${path}: not kebab-case`];
    return FORBIDDEN_NAMES.test(name) ? [`${path}: the name says nothing about what is in it`] : [];
  });
}

export function defaultExports(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ text }) => /^export default/m.test(text))
    .map(({ path }) => `${path}: default export`);
}

/** Only src/base/io touches these, so that a whole cluster runs in one process under a seed. */
const WORLD = [
  /\bDate\.now\(/,
  /\bnew Date\(\)/,
  /\bMath\.random\(/,
  /\bperformance\.now\(/,
  /from "node:(?:fs|fs\/promises|dgram|https?|http2|child_process)"/,
  /import (?!type)[^;]*?\b(?:connect|createServer|createConnection)\b[^;]*? from "node:(?:net|tls)"/,
];
/** Outside it: start-up and command line, and doors of their own kind. */
const MAY_TOUCH_WORLD: readonly (string | RegExp)[] = [
  /^src\/base\/io\//,
  /^src\/main\//,
  // Log lines carry the wall clock and go to a file or terminal.
  "src/base/log.ts",
  "src/http/http.ts",
  "src/admin/client.ts",
  "src/admin/lock.ts",
  "src/admin/socket.ts",
  "src/directory/ldap/ldap-connection.ts",
  // Commands are processes of their own, with files of settings and logs.
  /^src\/migrate\/command\/(options|run|secret-settings|user-log)\.ts$/,
  // Backups, restores and the archive's link are between real folders; the simulation has none of them.
  /^src\/store\/maintenance\/(archive-folder|backup-store|restore-backup|user-backup\/frames)\.ts$/,
];

export function worldTouched(files: readonly SourceFile[]): string[] {
  return files
    .filter(
      ({ path, isTest }) =>
        !isTest &&
        !MAY_TOUCH_WORLD.some((item) => (typeof item === "string" ? item === path : item.test(path))),
    )
    .flatMap(({ path, text }) => {
      const found = WORLD.map((pattern) => pattern.exec(text)?.[0]).filter((match) => match !== undefined);
      return found.map((match) => `${path}: "${match.replaceAll(/\s+/g, " ")}" belongs in src/base/io`);
    });
}

/** Paths of one machine, which mean nothing on another. */
export function machinePaths(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) =>
    [...text.matchAll(/["'` (](\/(?:work|home|root|Users)\/[\w./-]+)/g)].map(
      ([, found = ""]) => `${path}: names the path "${found}" of one machine`,
    ),
  );
}

/** RFC numbers cited in source that have no row in docs/specs.md. */
export function uncitedSpecs(files: readonly SourceFile[], specs: string): string[] {
  const listed = new Set([...specs.matchAll(/^\| RFC (\d+) \|/gm)].map(([, number]) => number));
  const missing = new Map<string, string>();
  for (const { path, text } of files) {
    for (const [, number = ""] of text.matchAll(/\bRFC (\d{3,5})\b/g)) {
      if (!listed.has(number) && !missing.has(number)) missing.set(number, path);
    }
  }
  return [...missing].map(
    ([number, path]) => `RFC ${number} is cited in ${path} but not listed in docs/specs.md`,
  );
}
