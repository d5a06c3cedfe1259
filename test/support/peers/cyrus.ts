import { execFile } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePorts } from "./free-ports.ts";
import { CYRUS_UID, inNamespace, MAIL_GID, makeEtc } from "./namespace.ts";
import { type Peer, startPeer } from "./peer.ts";
import { unpackPeer } from "./unpack.ts";

const run = promisify(execFile);

/** Service of cyrus.conf → its command. */
const SERVICES = {
  imap: "imapd",
  lmtp: "lmtpd -a",
  pop3: "pop3d",
  sieve: "timsieved",
  csync: "sync_server",
  mupdate: "mupdate -m",
  http: "httpd",
} as const;
export type CyrusService = keyof typeof SERVICES;

export interface CyrusOptions {
  /** An empty folder of its own. */
  readonly folder: string;
  /** Name → password; `cyrus` is the administrator. */
  readonly users: Readonly<Record<string, string>>;
  /** imap, lmtp, pop3, sieve and csync when undefined. */
  readonly services?: readonly CyrusService[];
  /** Name of the server, also the realm of its users. */
  readonly serverName?: string;
  /** Options of imapd.conf that are added or replaced. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Commands run by its master before the services, e.g. "ctl_mboxlist -m". */
  readonly start?: readonly string[];
  /** Environment of its master and so of all its processes. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface CyrusPeer extends Peer {
  /** Runs one of Cyrus's tools (sync_client, ctl_mboxlist, reconstruct …) as its user; its output. */
  tool(name: string, ...args: string[]): Promise<string>;
  /** Makes mailboxes (`user/alice`) as the administrator `cyrus`. */
  create(...mailboxes: string[]): Promise<void>;
}

/** Cyrus 3.6.1 of Debian 12, in the clear, passwords in an own sasldb. */
export async function startCyrus(options: CyrusOptions): Promise<CyrusPeer> {
  const root = await unpackPeer("cyrus");
  const { folder, serverName = "cyrus.test" } = options;
  const etc = makeEtc(folder);
  const services = options.services ?? ["imap", "lmtp", "pop3", "sieve", "csync"];
  const free = await freePorts(services.length);
  const ports = Object.fromEntries(services.map((service, index) => [service, free[index] ?? 0]));
  const imapd = join(folder, "imapd.conf");
  const master = join(folder, "cyrus.conf");
  makeFolders(folder);
  writeFileSync(imapd, imapdConfiguration(options, serverName));
  writeFileSync(master, masterConfiguration(imapd, ports, options.start ?? []));
  const inside = (...command: string[]): { file: string; args: string[] } => inNamespace(root, etc, command);
  const sasldb = join(folder, "sasldb2");
  for (const [user, password] of Object.entries(options.users)) {
    const { file, args } = inside("saslpasswd2", "-p", "-c", "-f", sasldb, "-u", serverName, user);
    const saving = run(file, args);
    saving.child.stdin?.end(password);
    await saving;
  }
  chownSync(sasldb, CYRUS_UID, MAIL_GID);
  const peer = await startPeer({
    name: `cyrus (${serverName})`,
    folder,
    ports,
    ...inside("/usr/lib/cyrus/bin/master", "-C", imapd, "-M", master, "-p", join(folder, "master.pid")),
    ...(options.env === undefined ? {} : { env: options.env }),
    stopSignal: "SIGTERM",
  });
  return {
    ...peer,
    create: (...mailboxes) => createMailboxes(ports["imap"] ?? 0, options.users["cyrus"] ?? "", mailboxes),
    async tool(name, ...args) {
      const asCyrus = ["setpriv", `--reuid=${CYRUS_UID}`, `--regid=${MAIL_GID}`, "--clear-groups"];
      const command = inside(...asCyrus, `/usr/lib/cyrus/bin/${name}`, "-C", imapd, ...args);
      const { stdout, stderr } = await run(command.file, command.args, { cwd: folder });
      return stdout + stderr;
    },
  };
}

/** By hand: imapflow 2.1.2 waits for ever after a NAMESPACE answer without personal name space, as Cyrus gives admins. */
async function createMailboxes(port: number, password: string, mailboxes: readonly string[]): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  const commands = mailboxes.map((name, index) => `c${index} CREATE ${name}`);
  socket.write([`a LOGIN cyrus ${password}`, ...commands, "z LOGOUT", ""].join("\r\n"));
  let answer = "";
  for await (const chunk of socket) answer += String(chunk);
  const created = answer.match(/^c\d+ OK/gm)?.length ?? 0;
  if (created !== mailboxes.length) throw new Error(`Cyrus did not create all mailboxes: ${answer}`);
}

function makeFolders(folder: string): void {
  const names = ["", "var", "spool", "var/db", "var/log", "var/msg", "var/proc", "var/ptclient", "var/quota"];
  names.push("var/socket", "var/sieve", "var/user", "var/sync", "var/lock", "var/md5", "var/mail");
  for (const name of names) {
    const path = join(folder, name);
    mkdirSync(path, { recursive: true });
    chownSync(path, CYRUS_UID, MAIL_GID);
  }
  chmodSync(folder, 0o755);
}

function imapdConfiguration({ folder, settings }: CyrusOptions, serverName: string): string {
  const values: Record<string, string> = {
    servername: serverName,
    configdirectory: `${folder}/var`,
    "partition-default": `${folder}/spool`,
    defaultpartition: "default",
    sievedir: `${folder}/var/sieve`,
    proc_path: `${folder}/var/proc`,
    admins: "cyrus",
    lmtp_admins: "cyrus",
    allowplaintext: "yes",
    sasl_mech_list: "PLAIN LOGIN",
    sasl_pwcheck_method: "auxprop",
    sasl_auxprop_plugin: "sasldb",
    sasl_sasldb_path: `${folder}/sasldb2`,
    maxmessagesize: "0",
    imapidlepoll: "60",
    httpmodules: "caldav carddav",
    ...settings,
  };
  return Object.entries(values)
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${name}: ${value}\n`)
    .join("");
}

/** `master -C` does not reach its children: each command has its own. */
function masterConfiguration(
  imapd: string,
  ports: Readonly<Record<string, number>>,
  start: readonly string[],
): string {
  const withConfiguration = (command: string): string => {
    const [name = "", ...rest] = command.split(" ");
    return [name, "-C", imapd, ...rest].join(" ");
  };
  const services = Object.entries(ports).map(([service, port]) => {
    const command = withConfiguration(SERVICES[service as CyrusService]);
    return `  ${service} cmd="${command}" listen="127.0.0.1:${port}" prefork=0\n`;
  });
  const commands = start.map((command, index) => `  start${index} cmd="${withConfiguration(command)}"\n`);
  return [
    `START {\n  recover cmd="${withConfiguration("ctl_cyrusdb -r")}"\n`,
    ...commands,
    "}\nSERVICES {\n",
    ...services,
    `}\nEVENTS {\n  checkpoint cmd="${withConfiguration("ctl_cyrusdb -c")}" period=30\n}\n`,
    `DAEMON {\n  idled cmd="${withConfiguration("idled")}"\n}\n`,
  ].join("");
}
