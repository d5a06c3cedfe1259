import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import {
  type FakeFolder,
  type FakeSource,
  startFakeSource,
} from "../../../../test/support/fake-imap-source.ts";
import { type Clock, systemClock } from "../../../base/io/clock.ts";
import { systemRandom } from "../../../base/io/random.ts";
import { systemNetwork } from "../../../base/io/system-network.ts";
import { silentLog } from "../../../base/log.ts";
import { Secret } from "../../../base/secret.ts";
import { loadConfig } from "../../../config/load.ts";
import { connectImap, type ImapLink } from "../../../imap/client-connect.ts";
import { type RemoteTree, readTree } from "./folder-tree.ts";
import { gatewayOptions } from "./options.ts";
import { Watcher } from "./watcher.ts";

interface Scene {
  readonly watcher: Watcher;
  readonly source: FakeSource;
  /** Of the watcher's timers. */
  readonly delays: readonly number[];
  readonly tree: () => Promise<RemoteTree>;
}

const POLL_MS = 5;

const folder = (name: string, uidValidity: number): FakeFolder => ({ name, uidValidity, messages: [] });

/** Something comes into a folder, as STATUS tells. */
function receive({ messages }: FakeFolder): void {
  messages.push({ uid: messages.length + 1, body: Buffer.from("Subject: news\r\n\r\n"), flags: "" });
}

async function open(t: TestContext, folders: FakeFolder[], maxNotified: number): Promise<Scene> {
  const capabilities = "IMAP4rev1 LITERAL+ SASL-IR AUTH=PLAIN LIST-STATUS NOTIFY";
  const source = await startFakeSource({ capabilities, folders });
  const links: ImapLink[] = [];
  const connect = async (): Promise<ImapLink> => {
    const login = { kind: "password", password: new Secret("secret") } as const;
    const link = await connectImap(
      {
        host: source.host,
        port: source.port,
        tls: "off",
        verify: false,
        authorities: undefined,
        user: "alice",
        login,
        compress: false,
        silenceMs: 10_000,
      },
      { network: systemNetwork, clock: systemClock, random: systemRandom },
    );
    links.push(link);
    return link;
  };
  const settings = loadConfig([gatewayOptions], { readText: () => "", folder: "/" }).get(gatewayOptions);
  const lister = { ...(await connect()), selected: undefined };
  const tree = (): Promise<RemoteTree> => readTree(lister, settings);
  const delays: number[] = [];
  const clock: Clock = {
    ...systemClock,
    setTimer(delayMs, callback) {
      delays.push(delayMs);
      return systemClock.setTimer(delayMs, callback);
    },
  };
  const ports = { connect, readTree: tree, pollMs: POLL_MS, maxNotified, clock, log: silentLog };
  const watcher = new Watcher(ports);
  t.after(async () => {
    watcher.close();
    for (const { client } of links) client.destroy();
    await source.close();
  });
  return { watcher, source, delays, tree };
}

test(
  "folders that do not fit into NOTIFY are looked at; INBOX fits always",
  { timeout: 20_000 },
  async (t) => {
    const [first, second, inbox] = [folder("A", 1), folder("B", 2), folder("INBOX", 3)];
    const { watcher, source, delays, tree } = await open(t, [first, second, inbox], 2);
    const keys = (await tree()).folders.map(({ key }) => key);
    const woken = new Set<string | undefined>();
    let heard = (): void => {};
    await watcher.add(keys, (key) => {
      woken.add(key);
      heard();
    });
    const notify = source.commands.find((command) => command.startsWith("NOTIFY SET "));
    assert.match(notify ?? "", /\(mailboxes \("?INBOX"? "?A"?\) /);
    assert.ok(delays.includes(POLL_MS));
    // What the server tells of is not looked at as well.
    receive(first);
    receive(second);
    while (!woken.has("v:2")) await new Promise<void>((resolve) => (heard = resolve));
    assert.deepEqual([...woken], ["v:2"]);
  },
);

test("nothing is looked at when all folders fit into NOTIFY", { timeout: 20_000 }, async (t) => {
  const { watcher, delays } = await open(t, [folder("INBOX", 1), folder("A", 2)], 2);
  await watcher.add(["inbox", "v:2"], () => undefined);
  assert.ok(!delays.includes(POLL_MS));
});
