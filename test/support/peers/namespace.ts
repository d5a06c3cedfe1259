/**
 * An own mount namespace for a peer: its unpacked files appear in /usr and /etc for it alone, with our accounts and
 * configuration over them; the machine's files are never touched.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Accounts that the daemons insist on, with ids that no Debian package uses. */
const USERS: readonly (readonly [name: string, uid: number, gid: number])[] = [
  ["dovecot", 64_011, 64_011],
  ["dovenull", 64_012, 64_012],
  ["vmail", 64_013, 64_013],
  ["cyrus", 64_014, 8],
  ["postfix", 64_015, 64_015],
  ["openldap", 64_017, 64_017],
];
const GROUPS: readonly (readonly [name: string, gid: number])[] = [
  ["dovecot", 64_011],
  ["dovenull", 64_012],
  ["vmail", 64_013],
  ["postfix", 64_015],
  ["postdrop", 64_016],
  ["openldap", 64_017],
];
/** Cyrus resolves these by name; Debian 12 has none of them. */
const SERVICES = "lmtp\t2003/tcp\nmupdate\t3905/tcp\ncsync\t2005/tcp\nsieve\t4190/tcp\n";

export const VMAIL_UID = 64_013;
export const CYRUS_UID = 64_014;
export const MAIL_GID = 8;
export const POSTFIX_UID = 64_015;
export const POSTDROP_GID = 64_016;

/** $1 = our etc, $2 = the peer's files, then the command. The shell becomes it, so its pid is the peer's. */
const ENTER = `
mount -t overlay overlay -o "lowerdir=$1:$2/etc:/etc" /etc
mount -t overlay overlay -o "lowerdir=$2/usr:/usr" /usr
shift 2
exec setpriv --pdeathsig TERM -- "$@"`;

/** Command line that runs `command` with the files of `root` (from `unpackPeer`) and of `etc` in place. */
export function inNamespace(
  root: string,
  etc: string,
  command: readonly string[],
): { file: string; args: string[] } {
  return {
    file: "unshare",
    args: ["--mount", "--propagation", "private", "sh", "-ec", ENTER, "peer", etc, root, ...command],
  };
}

/** Makes `folder/etc` with the machine's accounts and ours. */
export function makeEtc(folder: string): string {
  const etc = join(folder, "etc");
  mkdirSync(etc, { recursive: true });
  const users = USERS.map(([name, uid, gid]) => `${name}:x:${uid}:${gid}::/nonexistent:/usr/sbin/nologin\n`);
  const groups = GROUPS.map(([name, gid]) => `${name}:x:${gid}:\n`);
  writeFileSync(join(etc, "passwd"), withoutOurs("/etc/passwd", USERS) + users.join(""));
  writeFileSync(join(etc, "group"), withoutOurs("/etc/group", GROUPS) + groups.join(""));
  writeFileSync(join(etc, "services"), withoutTrailing("/etc/services") + SERVICES);
  return etc;
}

function withoutOurs(file: string, ours: readonly (readonly [string, ...number[]])[]): string {
  const names = new Set(ours.map(([name]) => name));
  const lines = withoutTrailing(file).split("\n");
  return lines.filter((line) => !names.has(line.split(":")[0] ?? "")).join("\n");
}

/** The file's text with one newline at its end; nothing when it is missing. */
function withoutTrailing(file: string): string {
  try {
    return `${readFileSync(file, "utf8").trimEnd()}\n`;
  } catch {
    return "";
  }
}
