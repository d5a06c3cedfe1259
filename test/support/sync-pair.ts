/** Two stores on disk, and the connection over which the first replicates to the second, in memory. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { systemClock } from "../../src/base/io/clock.ts";
import { systemRandom } from "../../src/base/io/random.ts";
import { type Log, silentLog } from "../../src/base/log.ts";
import { toUid } from "../../src/base/numbers.ts";
import { Secret } from "../../src/base/secret.ts";
import { openDirectory } from "../../src/directory/open.ts";
import type { Directory } from "../../src/directory/port.ts";
import { ImapServer } from "../../src/imap/server.ts";
import { SYNC_CAPABILITIES, syncCommands } from "../../src/main/sync-over-imap.ts";
import type { Mailbox } from "../../src/store/model.ts";
import { DEFAULT_NAMESPACE } from "../../src/store/namespace.ts";
import type { Store } from "../../src/store/port.ts";
import { connectReplica } from "../../src/sync/client/connect.ts";
import { mailboxesOfUser } from "../../src/sync/client/groups.ts";
import { Replica } from "../../src/sync/client/replica.ts";
import type { SyncRun } from "../../src/sync/client/run.ts";
import type { SyncServices } from "../../src/sync/dialogue.ts";
import { Acknowledgements } from "../../src/sync/replication/acknowledgements.ts";
import { updateUser } from "../../src/sync/client/update-user.ts";
import type { SyncSettings } from "../../src/sync/options.ts";
import { SyncServer } from "../../src/sync/server.ts";
import { directorySettings } from "./directory-settings.ts";
import { IMAP_TEST_SETTINGS } from "./imap-host.ts";
import { openStore } from "./open-store.ts";
import { PipeEnd, TEST_TLS } from "./pipe.ts";

export interface SyncPair {
  readonly here: Store;
  readonly there: Store;
  /** Steps of the last run. */
  readonly steps: string[];
  /** A run over a new connection. */
  readonly connect: (options?: ConnectOptions) => Promise<SyncRun>;
  /** Replicates the user and compares everything. */
  readonly sync: (user: string, options?: ConnectOptions) => Promise<void>;
  /** Asked by the first store when messages have come in. */
  readonly acknowledgements: Acknowledgements;
}

export interface ConnectOptions {
  readonly force?: boolean;
  readonly full?: boolean;
  readonly compress?: boolean;
  /** Who logs in; `repl` is an administrator, `bob` is not. */
  readonly user?: "repl" | "bob";
  /** Inside IMAP instead of the csync port. */
  readonly overImap?: boolean;
  /** The replica does not know #sieve mailboxes. */
  readonly sieveLines?: boolean;
  /** To another server than the replica. */
  readonly client?: PipeEnd;
  /** Gets the client's end before anything goes over it: to disturb it. */
  readonly onClient?: (client: PipeEnd) => void;
}

export interface SyncPairOptions {
  /** A store that is open already, instead of a second one on disk. */
  readonly replica?: Store;
  /** Commits in a thread of their own, as in a node. */
  readonly threads?: boolean;
  /** The master's. */
  readonly log?: Log;
}

const SYNC_SETTINGS: SyncSettings = { timeoutMs: 0, maxConnections: 10, maxOutputBytes: 8_388_608 };

export async function openSyncPair(
  t: TestContext,
  { replica: given, threads = false, log = silentLog }: SyncPairOptions = {},
): Promise<SyncPair> {
  const folder = mkdtempSync(join(tmpdir(), "rk-sync-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const acknowledgements = new Acknowledgements();
  const here = await openStore({ folder: join(folder, "here"), inline: !threads, witness: acknowledgements });
  t.after(() => here.close());
  const there = given ?? (await openStore({ folder: join(folder, "there"), inline: true }));
  if (given === undefined) t.after(() => there.close());
  const directory = openDirectory({
    folder,
    io: { clock: systemClock, random: systemRandom },
    settings: directorySettings(),
    log: silentLog,
  });
  t.after(() => directory.close());
  await directory.admin?.addDomain("example.test", { isDefault: true });
  await directory.admin?.addUser({ name: "repl", password: "repl-secret", isAdmin: true });
  await directory.admin?.addUser({ name: "bob", password: "bob-secret" });
  const steps: string[] = [];
  const server = new SyncServer({
    store: there,
    clock: systemClock,
    log: silentLog,
    partitions: new Set(["default"]),
    directory: directory.directory,
    settings: SYNC_SETTINGS,
    hostName: "there.example.test",
    version: "1",
    tlsAvailable: true,
  });
  const imap = imapServer(there, directory.directory);
  const accept = (overImap: boolean): PipeEnd => {
    const [end, client] = PipeEnd.pair(TEST_TLS);
    (overImap ? imap : server).accept(end);
    return client;
  };
  const connect: SyncPair["connect"] = async ({
    force = false,
    full = false,
    compress = false,
    user = "repl",
    overImap = false,
    sieveLines = false,
    client = accept(overImap),
    onClient = () => {},
  } = {}) => {
    onClient(client);
    if (sieveLines) hideSieveMailboxes(client);
    const { link, hasSieveMailbox } = await connectReplica(
      {
        transport: overImap ? "imap" : "csync",
        host: "there.example.test",
        port: 2005,
        user,
        password: new Secret(`${user}-secret`),
        tls: "auto",
        compress,
        timeoutMs: 60_000,
      },
      {
        network: { listen: () => assert.fail("listens"), connect: () => Promise.resolve(client) },
        clock: systemClock,
        random: systemRandom,
      },
    );
    const replica = new Replica(link, hasSieveMailbox);
    if (force) await replica.force();
    steps.length = 0;
    return {
      store: here,
      replica,
      clock: systemClock,
      log,
      force,
      full,
      maxBytesPerSecond: 0,
      step: (text) => void steps.push(text),
      uploaded() {},
    };
  };
  return {
    here,
    there,
    steps,
    connect,
    acknowledgements,
    async sync(user, options) {
      const run = await connect(options);
      const failed = await updateUser(run, user);
      await run.replica.link.close();
      assert.deepEqual(failed, []);
      await compareUser(here, there, user);
    },
  };
}

/** The replica's IMAP port. */
function imapServer(store: Store, directory: Directory): ImapServer {
  const services: SyncServices = {
    store,
    clock: systemClock,
    log: silentLog,
    partitions: new Set(["default"]),
  };
  return new ImapServer({
    store,
    directory,
    clock: systemClock,
    log: silentLog,
    settings: IMAP_TEST_SETTINGS,
    namespace: DEFAULT_NAMESPACE,
    hostName: "there.example.test",
    version: "1",
    hasCertificate: true,
    allowPlaintext: false,
    urlAuthSecret: Buffer.alloc(32, "secret"),
    extraCommands: syncCommands(services, SYNC_SETTINGS),
    extraCapabilities: ({ isAdmin }) => (isAdmin ? SYNC_CAPABILITIES : []),
  });
}

/** As if the banner did not announce them. */
function hideSieveMailboxes(client: PipeEnd): void {
  const onData = client.onData.bind(client);
  client.onData = (receive) =>
    onData((chunk) =>
      receive(Buffer.from(chunk.toString("latin1").replace("* SIEVE-MAILBOX\r\n", ""), "latin1")),
    );
}

/** Headers, records and bodies of every mailbox that the first store has. */
export async function compareUser(here: Store, there: Store, user: string): Promise<void> {
  for (const own of mailboxesOfUser(here, user)) {
    const other = there.mailboxes.byUniqueId(own.uniqueId);
    assert.ok(other !== undefined, `${own.name} is not there`);
    assert.deepEqual(comparable(other), comparable(own));
    assert.deepEqual(recordsOf(there, other), recordsOf(here, own));
    for (const { uid } of recordsOf(here, own)) {
      const bytes = await here.readBody(own.id, toUid(uid));
      assert.ok(bytes.equals(await there.readBody(other.id, toUid(uid))), `${own.name} ${uid}`);
    }
  }
  assert.deepEqual([...there.subscriptions.list(user)], [...here.subscriptions.list(user)]);
}

const COMPARED: readonly (keyof Mailbox)[] =
  `name type intermediate partition acl specialUse options quotaRoot uidValidity lastUid highestModseq
  createdModseq folderModseq lastAppendDate recentUid recentTime syncCrc syncCrcAnnot exists unseen sizeBytes`.split(
    /\s+/,
  ) as (keyof Mailbox)[];

function comparable(mailbox: Mailbox): Partial<Mailbox> {
  const keys: readonly (keyof Mailbox)[] = mailbox.intermediate ? ["name", "folderModseq"] : COMPARED;
  return Object.fromEntries(keys.map((key) => [key, mailbox[key]]));
}

function recordsOf(store: Store, { id }: Mailbox): { uid: number; keywords: readonly string[] }[] {
  return [...store.readRecords(id)]
    .flat()
    .map((record) => ({ ...record, keywords: record.keywords.toSorted() }));
}
