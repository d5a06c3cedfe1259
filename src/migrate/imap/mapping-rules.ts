/** The rules of one user's folder names, from the options, the source's imapc settings and his own excludes. */
import { AccountError } from "./account.ts";
import type { MappingRules } from "./mapping.ts";
import type { MigrateImapSettings } from "./options.ts";

/** @throws AccountError for a bad expression */
export function mappingRules(
  settings: MigrateImapSettings,
  conf: ReadonlyMap<string, string>,
  excludeFolders: readonly string[],
  isGmail: boolean,
): MappingRules {
  return {
    sourcePrefix: conf.get("imapc_list_prefix") ?? conf.get("imapc_prefix") ?? settings.sourcePrefix,
    targetPrefix: settings.targetPrefix.split("/").filter((level) => level !== ""),
    excludes: [...settings.excludes, ...excludeFolders],
    renames: settings.renames.map(readRename),
    automap: settings.automap,
    withForeign: settings.foreign,
    allMailIsArchive: isGmail,
  };
}

function readRename(line: string): MappingRules["renames"][number] {
  const at = line.indexOf("=>");
  if (at < 1) throw new AccountError(`migrateimap.renames: "${line}" is not EXPRESSION=>REPLACEMENT`);
  try {
    return { pattern: new RegExp(line.slice(0, at), "u"), to: line.slice(at + 2) };
  } catch (error) {
    throw new AccountError(`migrateimap.renames: "${line.slice(0, at)}" is no regular expression`, {
      cause: error,
    });
  }
}
