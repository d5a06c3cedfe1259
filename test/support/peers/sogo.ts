/**
 * SOGo 5.8 of Debian 12 with ActiveSync, as its package serves it behind Apache: sogod with memcached in a namespace of
 * their own, the database and the IMAP server given.
 */
import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { freePorts } from "./free-ports.ts";
import { inNamespace, makeEtc, VMAIL_UID } from "./namespace.ts";
import { type Peer, startPeer } from "./peer.ts";
import { unpackPeer } from "./unpack.ts";

/** Where sogod itself has what Apache shows as /Microsoft-Server-ActiveSync. */
export const SOGO_PATH = "/SOGo/Microsoft-Server-ActiveSync";

export interface SogoOptions {
  /** An empty folder of its own. */
  readonly folder: string;
  /** Name → password; of the IMAP server as well. */
  readonly users: Readonly<Record<string, string>>;
  readonly imapPort: number;
  /** An empty PostgreSQL database: `postgres://user@host:port/name`. */
  readonly database: string;
  /** Each held request takes one. */
  readonly workers: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** $1 = folder; the rest is sogod. memcached ends with it. */
const START = `
folder=$1; shift
setpriv --pdeathsig TERM -- memcached -s "$folder/memcached.sock" -m 64 -a 700 &
exec "$@"`;

export async function startSogo(options: SogoOptions): Promise<Peer> {
  const root = await unpackPeer("sogo");
  const { folder } = options;
  const etc = makeEtc(folder);
  const [http = 0] = await freePorts(1);
  mkdirSync(join(etc, "sogo"), { recursive: true });
  writeFileSync(join(etc, "sogo/sogo.conf"), configuration(options));
  const home = join(folder, "home");
  mkdirSync(home);
  // It refuses to run as root.
  for (const own of [folder, home]) chownSync(own, VMAIL_UID, VMAIL_UID);
  chmodSync(folder, 0o755);
  await addUsers(options);
  const asUser = ["setpriv", "--reuid", `${VMAIL_UID}`, "--regid", `${VMAIL_UID}`, "--clear-groups", "--"];
  const settings = {
    WOPort: `127.0.0.1:${http}`,
    WOWorkersCount: String(options.workers),
    WONoDetach: "YES",
    WOLogFile: "-",
    WOPidFile: join(folder, "sogo.pid"),
  };
  const sogod = ["sogod", ...Object.entries(settings).flatMap(([name, value]) => [`-${name}`, value])];
  return startPeer({
    name: "sogo",
    folder,
    ports: { http },
    ...inNamespace(root, etc, [...asUser, "sh", "-ec", START, "sogo", folder, ...sogod]),
    env: { HOME: home, TMPDIR: home, ...options.env },
    stopSignal: "SIGTERM",
  });
}

/** The accounts, as SOGo reads them from SQL. */
async function addUsers({ database, users }: SogoOptions): Promise<void> {
  const client = new Client({ connectionString: database });
  await client.connect();
  try {
    await client.query(
      "CREATE TABLE accounts (c_uid text PRIMARY KEY, c_name text, c_password text, c_cn text, mail text)",
    );
    for (const [user, password] of Object.entries(users)) {
      await client.query("INSERT INTO accounts VALUES ($1, $1, $2, $1, $1 || '@example.test')", [
        user,
        password,
      ]);
    }
  } finally {
    await client.end();
  }
}

/** Intervals at which it looks for mail (SOGoInternalSyncInterval) are left as the package has them. */
function configuration({ folder, imapPort, database, workers }: SogoOptions): string {
  const url = new URL(database);
  const table = (name: string): string =>
    `"postgresql://${url.username}:none@${url.hostname}:${url.port}${url.pathname}/${name}"`;
  return `{
  SOGoProfileURL = ${table("sogo_user_profile")};
  OCSFolderInfoURL = ${table("sogo_folder_info")};
  OCSSessionsFolderURL = ${table("sogo_sessions_folder")};
  OCSEMailAlarmsFolderURL = ${table("sogo_alarms_folder")};
  OCSStoreURL = ${table("sogo_store")};
  OCSAclURL = ${table("sogo_acl")};
  OCSCacheFolderURL = ${table("sogo_cache_folder")};
  OCSAdminURL = ${table("sogo_admin")};
  SOGoUserSources = ({
    type = sql;
    id = accounts;
    viewURL = ${table("accounts")};
    canAuthenticate = YES;
    isAddressBook = NO;
    userPasswordAlgorithm = plain;
  });
  SOGoMailDomain = "example.test";
  SOGoIMAPServer = "imap://127.0.0.1:${imapPort}";
  SOGoSentFolderName = Sent;
  SOGoTrashFolderName = Trash;
  SOGoDraftsFolderName = Drafts;
  SOGoJunkFolderName = Junk;
  SOGoLanguage = English;
  SOGoTimeZone = UTC;
  SOGoMemcachedHost = "${folder}/memcached.sock";
  SOGoMaximumPingInterval = 3540;
  SOGoMaximumSyncInterval = 3540;
  WOWorkersCount = ${workers};
  WOWatchDogRequestTimeout = 60;
  SxVMemLimit = 1024;
}
`;
}
