import assert from "node:assert/strict";
import { test } from "node:test";
import { openSyncPair, type SyncPair } from "../../../test/support/sync-pair.ts";
import { systemClock } from "../../base/io/clock.ts";
import { systemRandom } from "../../base/io/random.ts";
import { Scripts } from "../../delivery/scripts.ts";
import type { Store } from "../../store/port.ts";
import { updateMeta } from "./update-meta.ts";
import { updateUser } from "./update-user.ts";

function scriptsOf(store: Store): Scripts {
  return new Scripts({
    store,
    clock: systemClock,
    random: systemRandom,
    settings: {
      enabled: true,
      maxScriptSizeBytes: 65_536,
      maxScripts: 10,
      maxRedirects: 8,
      globalFolder: undefined,
    },
    defaultDomain: () => "example.test",
  });
}

async function sync(pair: SyncPair): Promise<readonly string[]> {
  const run = await pair.connect({ sieveLines: true });
  assert.equal(run.replica.hasSieveMailbox, false);
  assert.deepEqual(await updateUser(run, "alice"), []);
  await run.replica.link.close();
  return pair.steps.filter((step) => step.includes("SIEVE"));
}

async function contents(store: Store): Promise<readonly (readonly [string, boolean, string])[]> {
  const scripts = scriptsOf(store);
  const list: (readonly [string, boolean, string])[] = [];
  for (const { name, isActive } of await scripts.list("alice")) {
    list.push([name, isActive, String(await scripts.find("alice", name))]);
  }
  return list;
}

test("scripts go as SIEVE lines to a replica without #sieve mailboxes", async (t) => {
  const pair = await openSyncPair(t);
  const { here, there, connect } = pair;
  await here.create("user.alice", {});
  const scripts = scriptsOf(here);
  await scripts.put("alice", "main", Buffer.from("keep;"));
  await scripts.put("alice", "näch ste", Buffer.from('redirect "a@example.org";'));
  await scripts.setActive("alice", "main");
  await sync(pair);
  assert.deepEqual(await contents(there), await contents(here));
  assert.deepEqual(await sync(pair), []);

  await scripts.put("alice", "main", Buffer.from("discard;"));
  assert.deepEqual(await sync(pair), ["SIEVE main.script"]);
  assert.deepEqual(await contents(there), await contents(here));

  await scripts.setActive("alice", "näch ste");
  await scripts.delete("alice", "main");
  assert.deepEqual(await sync(pair), ["ACTIVATE_SIEVE näch ste.bc", "UNSIEVE main.script"]);
  assert.deepEqual(await contents(there), await contents(here));

  await scripts.setActive("alice", "");
  const run = await connect({ sieveLines: true });
  await updateMeta(run, "alice");
  assert.deepEqual(pair.steps.slice(1), ["UNACTIVATE_SIEVE"]);
  await run.replica.link.close();
  assert.deepEqual(await contents(there), await contents(here));
});
