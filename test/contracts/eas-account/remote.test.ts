import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe } from "node:test";
import { MarkStore } from "../../../src/eas/account/mark-store.ts";
import { marked } from "../../../src/eas/account/marked-account.ts";
import { MemoryStates } from "../../support/memory-states.ts";
import { remoteAccounts } from "../../support/eas-remote.ts";
import { startCyrus } from "../../support/peers/cyrus.ts";
import { startDovecot } from "../../support/peers/dovecot.ts";
import type { Peer } from "../../support/peers/peer.ts";
import { peersMissing } from "../../support/peers/peer-or-skip.ts";
import { accountContract } from "./contract.ts";

/** Each test has a user of its own. */
const USERS = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`user${i}`, "secret"]));

function contractOver(name: string, start: (folder: string) => Promise<Peer>): void {
  describe(`Account contract: ${name}`, { skip: peersMissing() ?? false }, () => {
    const folder = mkdtempSync(join(tmpdir(), "rk-account-"));
    let peer: Peer | undefined;
    let next = 0;
    before(async () => {
      peer = await start(folder);
    });
    after(async () => {
      await peer?.stop();
      rmSync(folder, { recursive: true, force: true });
    });
    accountContract(async () => {
      const user = `user${next++}`;
      const accounts = remoteAccounts(peer?.ports["imap"] ?? 0, { poll_interval: "200ms" });
      const gateway = marked(accounts, new MarkStore(new MemoryStates()));
      const open = () => gateway.open(user, "secret", "192.0.2.1", true);
      // What this node makes for its own users.
      await (await open()).createFolder(undefined, "Trash");
      return { open, close: () => Promise.resolve(accounts.close()) };
    });
  });
}

contractOver("Dovecot", (folder) => startDovecot({ folder, users: USERS }));
contractOver("Cyrus", async (folder) => {
  const cyrus = await startCyrus({ folder, users: { ...USERS, cyrus: "admin" } });
  await cyrus.create(...Object.keys(USERS).map((user) => `user/${user}`));
  return cyrus;
});
