// nginx and Apache in front of a node, with the very lines that docs/operations.md shows.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { EasClient } from "../../src/eas/client.ts";
import { folderSync, ping, sendMail, sync, syncedCollection } from "../../src/eas/client-commands.ts";
import type { Peer } from "../support/peers/peer.ts";
import { peerOrSkip } from "../support/peers/peer-or-skip.ts";
import { startApache, startNginx, type WebProxyOptions } from "../support/peers/web-proxies.ts";
import { type RunningNode, startUp } from "../support/running-node.ts";

const PASSWORD = "correct horse";
const INBOX_TYPE = 2;
const HELD_SECONDS = 10;
/** The longest that a request is held, when nobody says otherwise. */
const MAX_HEARTBEAT_SECONDS = 3540;
/** Above what nginx lets through unless it is told. */
const BIG_BYTES = 3 * 1024 * 1024;
const DOCUMENT = new URL("../../docs/operations.md", import.meta.url);

/** The block of code below a line of the document. */
function shown(title: string): string {
  const [, rest] = readFileSync(DOCUMENT, "utf8").split(`\n${title}\n`);
  assert.ok(rest !== undefined, `docs/operations.md has no line "${title}"`);
  const lines = rest.trimStart() === rest ? [] : rest.replace(/^\n+/, "").split("\n");
  const end = lines.findIndex((line) => line !== "" && !line.startsWith("    "));
  return lines.slice(0, end).join("\n");
}

describe("reverse proxy", { concurrency: 2 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "rookery-proxy-"));
  let node: RunningNode | undefined;
  before(async () => {
    const settings = ["node.trusted_proxies=127.0.0.1", `activesync.min_heartbeat=${HELD_SECONDS}s`];
    const flags = settings.flatMap((setting) => ["--set", setting]);
    node = await startUp(join(folder, "data"), ["--password", PASSWORD, ...flags]);
  });
  after(async () => {
    await node?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const behind = (
    name: "nginx" | "apache",
    title: string,
    start: (options: WebProxyOptions) => Promise<Peer>,
    timeoutOf: RegExp,
  ): void => {
    test(`${name}: a held Ping, large mail, passwords and autodiscover`, { timeout: 120_000 }, async (t) => {
      if (!(await peerOrSkip(t, name))) return;
      const text = shown(title);
      assert.ok(
        Number(timeoutOf.exec(text)?.[1]) > MAX_HEARTBEAT_SECONDS,
        "the proxy waits as long as a Ping",
      );
      const { host, port } = node!.endpoint("http");
      const home = join(folder, name);
      mkdirSync(home);
      const proxy = await start({ folder: home, site: text.replaceAll("127.0.0.1:8082", `${host}:${port}`) });
      t.after(() => proxy.stop());
      // `up` makes her.
      const user = "alice@example.test";
      const url = `http://127.0.0.1:${proxy.ports["http"]}`;
      const clients: EasClient[] = [];
      t.after(() => clients.forEach((client) => client.close()));
      const connect = (deviceId: string, at = url): EasClient => {
        const client = new EasClient({ url: at, user, password: PASSWORD, deviceId });
        clients.push(client);
        return client;
      };

      // In the clear the node takes no password; the proxy says that it was https.
      assert.notEqual(
        (await connect("DIRECT", `http://${host}:${port}`).post("FolderSync", undefined)).status,
        200,
      );
      const phone = connect(`${name}1`);
      const { adds } = await folderSync(phone);
      const inbox = adds.find(({ type }) => type === INBOX_TYPE)!.serverId;
      let syncKey = "0";
      for (let more = true; more;) {
        const answer = syncedCollection(await sync(phone, [{ syncKey, collectionId: inbox }]), inbox);
        more = answer !== undefined && (syncKey === "0" || answer.moreAvailable);
        syncKey = answer?.syncKey ?? syncKey;
      }

      // Held to its end, and woken by mail that another device sends, larger than usual.
      assert.equal((await ping(phone, HELD_SECONDS, [inbox])).status, 1);
      const held = ping(phone, 60, [inbox]);
      const mail = `To: ${user}\r\nSubject: big\r\n\r\n${"x".repeat(70)}\r\n`;
      const big = Buffer.from(mail + `${"y".repeat(70)}\r\n`.repeat(BIG_BYTES / 72));
      const refusal = await sendMail(connect(`${name}2`), big, { clientId: name });
      assert.equal(refusal?.children[0]?.text, undefined);
      assert.equal((await held).status, 2);

      const authorization = `Basic ${Buffer.from(`${user}:${PASSWORD}`).toString("base64")}`;
      const found = await fetch(`${url}/AutoDiscover/Autodiscover.xml`, {
        method: "POST",
        headers: { authorization, "content-type": "text/xml" },
        body: `<Autodiscover><Request><EMailAddress>${user}</EMailAddress></Request></Autodiscover>`,
      });
      assert.match(
        await found.text(),
        /<Type>MobileSync<\/Type><Url>https:\/\/[^<]+\/Microsoft-Server-ActiveSync</,
      );
    });
  };
  behind("nginx", "nginx:", startNginx, /proxy_read_timeout (\d+)s/);
  behind("apache", "Apache (mod_proxy_http, mod_headers):", startApache, /ProxyTimeout (\d+)/);
});
