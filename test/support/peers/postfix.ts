import { execFile } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePorts } from "./free-ports.ts";
import { inNamespace, makeEtc, POSTDROP_GID, POSTFIX_UID } from "./namespace.ts";
import { type Peer, startPeer } from "./peer.ts";
import { unpackPeer } from "./unpack.ts";

const run = promisify(execFile);

export interface PostfixOptions {
  /** An empty folder of its own; short, since socket names in it are bounded to 108 bytes. */
  readonly folder: string;
  /** Where mail for `domain` goes. */
  readonly lmtpTarget: { readonly host: string; readonly port: number };
  readonly domain: string;
  /** Options of main.cf that are added or replaced. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface PostfixPeer extends Peer {
  /** Hands a message to Postfix as a local program does; it is queued when this resolves. */
  sendmail(sender: string, recipients: readonly string[], message: Buffer): Promise<void>;
  mailLog(): string;
}

/** Postfix 3.7 of Debian 12 that passes mail of one domain on by LMTP; smtp on loopback for the rest of the world. */
export async function startPostfix(options: PostfixOptions): Promise<PostfixPeer> {
  const root = await unpackPeer("postfix");
  const { folder } = options;
  const etc = makeEtc(folder);
  const [smtp = 0] = await freePorts(1);
  makeFolders(folder);
  const configuration = join(etc, "postfix");
  mkdirSync(configuration, { recursive: true });
  writeFileSync(join(configuration, "main.cf"), mainConfiguration(options));
  writeFileSync(join(configuration, "master.cf"), masterConfiguration(smtp));
  const inside = (...command: string[]): { file: string; args: string[] } => inNamespace(root, etc, command);
  const peer = await startPeer({
    name: "postfix",
    folder,
    ports: { smtp },
    ...inside("/usr/lib/postfix/sbin/master", "-c", "/etc/postfix", "-d"),
    env: { MAIL_CONFIG: "/etc/postfix" },
    stopSignal: "SIGTERM",
  });
  return {
    ...peer,
    async sendmail(sender, recipients, message) {
      const { file, args } = inside("/usr/sbin/sendmail", "-i", "-f", sender, "--", ...recipients);
      const sending = run(file, args);
      sending.child.stdin?.end(message);
      await sending;
    },
    mailLog: () => readFileSync(join(folder, "log", "mail.log"), "utf8"),
  };
}

/** What the package's set-up makes: the queue, with the owners that Postfix insists on. */
function makeFolders(folder: string): void {
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, "log"));
  const own = ["active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private"];
  own.push("saved", "trace");
  const queue = join(folder, "queue");
  for (const name of ["", "pid", "public", "maildrop", ...own]) mkdirSync(join(queue, name));
  for (const name of own) {
    chownSync(join(queue, name), POSTFIX_UID, 0);
    chmodSync(join(queue, name), 0o700);
  }
  chownSync(join(queue, "public"), POSTFIX_UID, POSTDROP_GID);
  chmodSync(join(queue, "public"), 0o710);
  chownSync(join(queue, "maildrop"), POSTFIX_UID, POSTDROP_GID);
  chmodSync(join(queue, "maildrop"), 0o730);
  mkdirSync(join(folder, "state"));
  chownSync(join(folder, "state"), POSTFIX_UID, 0);
}

function mainConfiguration({ folder, lmtpTarget, domain, settings }: PostfixOptions): string {
  const values: Record<string, string> = {
    compatibility_level: "3.6",
    queue_directory: `${folder}/queue`,
    data_directory: `${folder}/state`,
    command_directory: "/usr/sbin",
    daemon_directory: "/usr/lib/postfix/sbin",
    shlib_directory: "/usr/lib/postfix",
    meta_directory: "/usr/share/postfix",
    maillog_file: `${folder}/log/mail.log`,
    maillog_file_prefixes: folder,
    mail_owner: "postfix",
    setgid_group: "postdrop",
    myhostname: "mx.example.test",
    mydestination: "",
    mynetworks: "127.0.0.0/8",
    inet_interfaces: "127.0.0.1",
    inet_protocols: "ipv4",
    alias_maps: "",
    alias_database: "",
    virtual_mailbox_domains: domain,
    virtual_transport: `lmtp:inet:[${lmtpTarget.host}]:${lmtpTarget.port}`,
    smtpd_reject_unlisted_recipient: "no",
    smtp_host_lookup: "native",
    lmtp_host_lookup: "native",
    disable_dns_lookups: "yes",
    smtpd_tls_security_level: "none",
    smtp_tls_security_level: "none",
    minimal_backoff_time: "1s",
    ...settings,
  };
  return Object.entries(values)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join("");
}

/** Nothing in a chroot. */
function masterConfiguration(smtpPort: number): string {
  return `
127.0.0.1:${smtpPort} inet n - n - - smtpd
pickup unix n - n 1 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`;
}
