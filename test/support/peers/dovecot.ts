import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "./free-ports.ts";
import { inNamespace, makeEtc, VMAIL_UID } from "./namespace.ts";
import { type Peer, startPeer } from "./peer.ts";
import { unpackPeer } from "./unpack.ts";

export interface DovecotOptions {
  /** An empty folder of its own. */
  readonly folder: string;
  /** Name → password. */
  readonly users: Readonly<Record<string, string>>;
  readonly format?: "maildir" | "mdbox" | "sdbox";
  /** Further lines for its configuration. */
  readonly settings?: string;
}

/** Dovecot 2.3 of Debian 12: imap, lmtp, pop3 and sieve (ManageSieve) in the clear. */
export async function startDovecot(options: DovecotOptions): Promise<Peer> {
  const root = await unpackPeer("dovecot");
  const { folder } = options;
  const etc = makeEtc(folder);
  const mail = join(folder, "mail");
  mkdirSync(mail, { recursive: true });
  chownSync(mail, VMAIL_UID, VMAIL_UID);
  // Its processes run as other users and have to get here.
  chmodSync(folder, 0o755);
  const [imap = 0, lmtp = 0, pop3 = 0, sieve = 0] = await freePorts(4);
  const ports = { imap, lmtp, pop3, sieve };
  const passwords = join(folder, "users");
  writeFileSync(
    passwords,
    Object.entries(options.users)
      .map(([name, password]) => `${name}:{PLAIN}${password}\n`)
      .join(""),
  );
  const file = join(folder, "dovecot.conf");
  writeFileSync(file, configuration(options, mail, passwords, ports));
  return startPeer({
    name: "dovecot",
    folder,
    ports,
    ...inNamespace(root, etc, ["dovecot", "-F", "-c", file]),
    stopSignal: "SIGTERM",
  });
}

function configuration(
  { folder, format = "mdbox", settings = "" }: DovecotOptions,
  mail: string,
  passwords: string,
  ports: { readonly imap: number; readonly lmtp: number; readonly pop3: number; readonly sieve: number },
): string {
  const listener = (service: string, name: string, port: number): string =>
    `service ${service} {\n  inet_listener ${name} {\n    port = ${port}\n  }\n}\n`;
  return `
base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = ${folder}/dovecot.log
protocols = imap lmtp pop3 sieve
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
first_valid_uid = 1000
mail_location = ${format}:${mail}/%u
mail_max_userip_connections = 0
lmtp_save_to_detail_mailbox = yes
passdb {
  driver = passwd-file
  args = ${passwords}
}
userdb {
  driver = static
  args = uid=${VMAIL_UID} gid=${VMAIL_UID} home=${mail}/%u
}
namespace inbox {
  inbox = yes
  separator = /
}
service imap-login {
  inet_listener imap {
    port = ${ports.imap}
  }
  inet_listener imaps {
    port = 0
  }
}
service pop3-login {
  inet_listener pop3 {
    port = ${ports.pop3}
  }
  inet_listener pop3s {
    port = 0
  }
}
${listener("lmtp", "lmtp", ports.lmtp)}${listener("managesieve-login", "sieve", ports.sieve)}
service imap {
  process_limit = 1200
}
service stats {
  unix_listener stats-writer {
    mode = 0666
  }
}
service anvil {
  client_limit = 3000
}
service auth {
  client_limit = 3000
}
${settings}
`;
}
