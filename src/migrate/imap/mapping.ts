/**
 * Which folder of the source becomes which one of the target: namespaces and prefixes off, excludes, renames, special
 * uses, levels that the target cannot write, names that would fall together. Pure, and the same for the same input;
 * what was once decided (`decided`, from the ledger) stays.
 */
import { type Folder, type FolderList, isForeign } from "../../imap/client-folders.ts";

export interface MappingRules {
  /** Taken off the names of the source beside what its NAMESPACE says; "" = nothing. */
  readonly sourcePrefix: string;
  /** Everything but INBOX goes below it. */
  readonly targetPrefix: readonly string[];
  /** Names at the source that stay behind, with all below them; `*` and `%` as in LIST. */
  readonly excludes: readonly string[];
  /** Tried in order on the name with `/` between its levels; the first that fits is applied. */
  readonly renames: readonly { readonly pattern: RegExp; readonly to: string }[];
  /** A folder of a special use becomes the one of that use at the target. */
  readonly automap: boolean;
  /** Other users' and shared folders too, below their own names. */
  readonly withForeign: boolean;
  /**
   * Gmail's All Mail becomes the archive; who copies it takes only what lies in no other folder. Without it (not Gmail)
   * a folder of the use \All is a view and stays behind.
   */
  readonly allMailIsArchive: boolean;
}

export interface TargetNames {
  /** Characters of a level that the target cannot write become others. */
  legalLevel(level: string): string;
  /** Folders by special use that are there already. */
  readonly bySpecialUse: ReadonlyMap<string, readonly string[]>;
  /** Names that differ only by case are one there. */
  readonly foldsCase: boolean;
}

export interface Mapping {
  readonly targets: ReadonlyMap<string, readonly string[]>;
  /** Name at the source → why it stays behind. */
  readonly left: ReadonlyMap<string, string>;
}

export const HOLDS_NO_MESSAGES = "holds no messages";

export const NO_RULES: MappingRules = {
  sourcePrefix: "",
  targetPrefix: [],
  excludes: [],
  renames: [],
  automap: true,
  withForeign: false,
  allMailIsArchive: false,
};

/** They show messages that lie in other folders as well (RFC 6154 §2). */
const VIEWS = new Set(["all", "flagged", "important"]);
const ARCHIVE = ["Archive"];

export function mapFolders(
  list: FolderList,
  rules: MappingRules,
  names: TargetNames,
  decided: ReadonlyMap<string, readonly string[]> = new Map(),
): Mapping {
  const targets = new Map<string, readonly string[]>();
  const left = new Map<string, string>();
  const taken = new Set<string>();
  const take = (source: string, path: readonly string[]): void => {
    targets.set(source, path);
    taken.add(keyOf(path, names));
  };
  const open: { folder: Folder; path: readonly string[] }[] = [];
  // What stands already comes first, so that newcomers get out of its way.
  for (const folder of list.folders) {
    const before = decided.get(folder.name);
    const reason = whyLeft(folder, list, rules);
    if (reason !== undefined) left.set(folder.name, reason);
    else if (before !== undefined) take(folder.name, before);
    else open.push({ folder, path: targetPath(folder, list, rules, names) });
  }
  // INBOX keeps its name whatever else is called so; then in the order of names, so that each run decides alike.
  open.sort(
    (a, b) => Number(isInbox(b.path)) - Number(isInbox(a.path)) || (a.folder.name < b.folder.name ? -1 : 1),
  );
  for (const { folder, path } of open) {
    let free = path;
    for (let number = 2; taken.has(keyOf(free, names)); number++) {
      free = [...path.slice(0, -1), `${path.at(-1) ?? ""} (${number})`];
    }
    take(folder.name, free);
  }
  return { targets, left };
}

function whyLeft(folder: Folder, list: FolderList, rules: MappingRules): string | undefined {
  if (rules.excludes.some((pattern) => matches(pattern, folder, list))) return "excluded";
  if (!rules.withForeign && isForeign(folder, list)) return "belongs to somebody else";
  // A parent that holds no messages comes into being with its children.
  if (!folder.isSelectable) return HOLDS_NO_MESSAGES;
  if (folder.specialUse !== undefined && VIEWS.has(folder.specialUse)) {
    const isArchive = folder.specialUse === "all" && rules.allMailIsArchive;
    if (!isArchive) return "shows messages of other folders";
  }
  return undefined;
}

/** A pattern names a folder and what is below it: by its name at the source, or by its levels with `/` between them. */
function matches(pattern: string, folder: Folder, list: FolderList): boolean {
  const own = sourcePath(folder, list, "").join("/");
  return [folder.name, folder.path.join("/"), own].some((name) => {
    const separator = name === folder.name ? folder.separator : "/";
    return (
      listPattern(pattern, separator).test(name) ||
      (separator !== "" && name.startsWith(`${pattern}${separator}`) && !isInboxName(pattern))
    );
  });
}

function listPattern(pattern: string, separator: string): RegExp {
  const level = separator === "" ? "." : `[^${escape(separator)}]`;
  const source = pattern
    .split(/([*%])/)
    .map((piece) => (piece === "*" ? ".*" : piece === "%" ? `${level}*` : escape(piece)))
    .join("");
  return new RegExp(`^${source}$`, isInboxName(pattern) ? "is" : "s");
}

function escape(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}

/** Levels without the prefix of the personal namespace (`INBOX.` of Courier and Cyrus) and the configured one. */
function sourcePath(folder: Folder, list: FolderList, sourcePrefix: string): readonly string[] {
  if (isInboxName(folder.name)) return ["INBOX"];
  for (const prefix of [sourcePrefix, list.personalPrefix]) {
    if (prefix === "" || !startsWithFolded(folder.name, prefix)) continue;
    const levels = prefix.split(folder.separator).filter((level) => level !== "").length;
    if (folder.path.length > levels) return folder.path.slice(levels);
  }
  return folder.path;
}

function targetPath(
  folder: Folder,
  list: FolderList,
  rules: MappingRules,
  names: TargetNames,
): readonly string[] {
  let path = sourcePath(folder, list, rules.sourcePrefix);
  if (isInbox(path)) return ["INBOX"];
  if (folder.specialUse === "all")
    return names.bySpecialUse.get("archive") ?? [...rules.targetPrefix, ...ARCHIVE];
  const text = path.join("/");
  const rename = rules.renames.find(({ pattern }) => pattern.test(text));
  if (rename !== undefined) {
    path = text
      .replace(rename.pattern, rename.to)
      .split("/")
      .filter((level) => level !== "");
    if (path.length === 0 || isInbox(path)) return ["INBOX"];
  } else if (rules.automap && folder.specialUse !== undefined) {
    const special = names.bySpecialUse.get(folder.specialUse);
    if (special !== undefined) return special;
  }
  return [...rules.targetPrefix, ...path].map((level) => names.legalLevel(level));
}

function keyOf(path: readonly string[], { foldsCase }: TargetNames): string {
  const key = isInbox(path) ? "INBOX" : path.map((level) => level.normalize("NFC")).join("\0");
  return foldsCase ? key.toLowerCase() : key;
}

function isInbox(path: readonly string[]): boolean {
  return path.length === 1 && isInboxName(path[0] ?? "");
}

function isInboxName(name: string): boolean {
  return name.toUpperCase() === "INBOX";
}

function startsWithFolded(name: string, prefix: string): boolean {
  return name.length > prefix.length && name.slice(0, prefix.length).toLowerCase() === prefix.toLowerCase();
}
