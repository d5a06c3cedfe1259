import assert from "node:assert/strict";
import { test } from "node:test";
import { startFakeSource } from "../../../../test/support/fake-imap-source.ts";
import { systemClock } from "../../../base/io/clock.ts";
import { systemRandom } from "../../../base/io/random.ts";
import { systemNetwork } from "../../../base/io/system-network.ts";
import { Secret } from "../../../base/secret.ts";
import { loadConfig } from "../../../config/load.ts";
import { connectImap } from "../../../imap/client-connect.ts";
import { readTree } from "./folder-tree.ts";
import { gatewayOptions } from "./options.ts";

test("readTree: what is not below the personal prefix is shared, and shown once it is subscribed", async (t) => {
  let uidValidity = 1;
  const folder = (name: string, attributes = "") => ({
    name,
    attributes,
    uidValidity: uidValidity++,
    messages: [],
  });
  const fake = await startFakeSource({
    separator: ".",
    // Cyrus's traditional namespace.
    namespace: '(("INBOX." ".")) (("user." ".")) (("" "."))',
    folders: [
      folder("INBOX"),
      folder("INBOX.Work"),
      folder("user.bert"),
      folder("archive"),
      folder("news", "\\Subscribed"),
    ],
  });
  t.after(() => fake.close());
  const link = await connectImap(
    {
      host: fake.host,
      port: fake.port,
      tls: "off",
      verify: false,
      user: "alice",
      login: { kind: "password", password: new Secret("x") },
      compress: false,
      silenceMs: 5000,
    },
    { network: systemNetwork, clock: systemClock, random: systemRandom },
  );
  t.after(() => link.client.destroy());
  const settings = loadConfig([gatewayOptions], { readText: () => "", folder: "/" }).get(gatewayOptions);
  const tree = await readTree({ ...link, selected: undefined }, settings);
  assert.deepEqual(tree.folders.map(({ name }) => name).toSorted(), ["Inbox", "Work", "news"]);
});
