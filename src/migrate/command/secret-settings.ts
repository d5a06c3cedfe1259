/** Passwords for doveadm in a file of mode 0600 that includes the usual configuration; removed after the command. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CommandOption } from "./command.ts";

const DEFAULT_CONFIG = "/etc/dovecot/dovecot.conf";

export interface SecretFile {
  readonly arguments: readonly string[];
  remove(): void;
}

export function writeSecretSettings(
  settings: readonly CommandOption[],
  configFile: string | undefined,
): SecretFile {
  if (settings.length === 0) {
    return { arguments: configFile === undefined ? [] : ["-c", configFile], remove() {} };
  }
  const folder = mkdtempSync(join(tmpdir(), "rookery-doveadm-"));
  const file = join(folder, "dovecot.conf");
  const lines = [
    `!include ${configFile ?? DEFAULT_CONFIG}`,
    ...settings.map(({ name, value }) => `${name} = ${quoted(value)}`),
  ];
  writeFileSync(file, `${lines.join("\n")}\n`, { mode: 0o600 });
  return {
    arguments: ["-c", file],
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** In quotes nothing is expanded by the file's reader, and Dovecot's passwords have no variables (Dovecot 2.3.19, observed). */
function quoted(value: string): string {
  return `"${value.replaceAll(/["\\]/g, "\\$&")}"`;
}
