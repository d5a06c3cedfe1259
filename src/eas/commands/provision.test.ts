import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { type EasHost, type EasHostOptions, startEasHost } from "../../../test/support/eas-host.ts";
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import type { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import { document, type EasClient, type EasResponse } from "../client.ts";
import type { Command } from "../command.ts";
import type { Element } from "../element.ts";
import { PROTOCOL_VERSIONS } from "../version.ts";

const t = tagOf;
const folderSync: Command = { name: "FolderSync", run: () => Promise.resolve({ kind: "empty" }) };

async function host(context: TestContext, options: EasHostOptions = {}): Promise<EasHost> {
  const started = await startEasHost({ commands: [folderSync], ...options });
  context.after(() => started.close());
  return started;
}

function send(client: EasClient, build: (writer: WbxmlWriter) => void): Promise<EasResponse> {
  const body = document((writer) => {
    writer.start(t("Provision:Provision"));
    build(writer);
    writer.end();
  });
  return client.post("Provision", body);
}

function ask(
  client: EasClient,
  { type = "MS-EAS-Provisioning-WBXML", key, status }: { type?: string; key?: number; status?: number } = {},
): Promise<EasResponse> {
  return send(client, (writer) => {
    writer.start(t("Provision:Policies")).start(t("Provision:Policy")).text(t("Provision:PolicyType"), type);
    if (key !== undefined) writer.text(t("Provision:PolicyKey"), key);
    if (status !== undefined) writer.text(t("Provision:Status"), status);
    writer.end().end();
  });
}

function policyOf(response: EasResponse): Element | undefined {
  return response.root?.child(t("Provision:Policies"))?.child(t("Provision:Policy"));
}
const keyOf = (response: EasResponse): number => policyOf(response)?.numberOf(t("Provision:PolicyKey")) ?? 0;
const statusOf = (response: EasResponse): string | undefined =>
  policyOf(response)?.textOf(t("Provision:Status"));

test("Provision: without the policy a device hears 449, or status 142 from 14.0 on; then it syncs", async (context) => {
  const { client } = await host(context);
  for (const version of PROTOCOL_VERSIONS) {
    const phone = client({ version, deviceId: `device${version}` });
    const refused = await phone.post("FolderSync", undefined);
    if (version < 140) assert.equal(refused.status, 449);
    else assert.equal(refused.root?.textOf(t("FolderHierarchy:Status")), "142");
    const policy = await phone.provision();
    assert.equal(policy.name, "Provision:EASProvisionDoc");
    assert.equal(policy.textOf(t("Provision:DevicePasswordEnabled")), "0");
    // What came with 12.1 is not known to 12.0.
    assert.equal(policy.child(t("Provision:AllowCamera")) === undefined, version === 120);
    assert.equal((await phone.post("FolderSync", undefined)).status, 200);
  }
});

test("Provision: asking again gives the same key, acknowledging again the same final one", async (context) => {
  const { client } = await host(context);
  const phone = client();
  const first = keyOf(await ask(phone));
  assert.equal(keyOf(await ask(phone)), first);
  const taken = keyOf(await ask(phone, { key: first, status: 1 }));
  assert.notEqual(taken, first);
  assert.equal(keyOf(await ask(phone, { key: first, status: 1 })), taken);
  // A device that begins anew.
  const again = keyOf(await ask(phone));
  assert.ok(again !== first && again !== taken);
});

test("Provision: wrong key 5, unknown type 3, nothing asked 2, policy not taken 139", async (context) => {
  const { client } = await host(context);
  const phone = client();
  assert.equal(statusOf(await ask(phone, { key: 12345, status: 1 })), "5");
  const { root } = await ask(phone, { type: "MS-WAP-Provisioning-XML" });
  assert.equal(root?.textOf(t("Provision:Status")), "1");
  const offered = keyOf(await ask(phone));
  assert.equal(statusOf(await ask(phone, { key: offered + 1, status: 1 })), "5");
  assert.equal(statusOf(await ask(phone, { type: "MS-WAP-Provisioning-XML" })), "3");
  assert.equal((await send(phone, () => undefined)).root?.textOf(t("Provision:Status")), "2");
  assert.equal((await phone.post("Provision", undefined)).root?.textOf(t("Provision:Status")), "2");
  const ignored = await ask(phone, { key: offered, status: 3 });
  assert.equal(ignored.root?.textOf(t("Provision:Status")), "139");
});

test("Provision: another policy asks the device to come again", async (context) => {
  const { client, states } = await host(context);
  const phone = client({ version: 141 });
  await phone.provision();
  const later = await host(context, { states, policy: { devicePasswordEnabled: true } });
  const same = later.client({ version: 141 });
  same.policyKey = phone.policyKey;
  const refused = await same.post("FolderSync", undefined);
  assert.equal(refused.root?.textOf(t("FolderHierarchy:Status")), "143");
  const policy = await same.provision();
  assert.equal(policy.textOf(t("Provision:DevicePasswordEnabled")), "1");
  assert.equal((await same.post("FolderSync", undefined)).status, 200);
  same.policyKey += 1;
  const wrong = await same.post("FolderSync", undefined);
  assert.equal(wrong.root?.textOf(t("FolderHierarchy:Status")), "144");
});

test("Provision: device information of 14.1 is remembered", async (context) => {
  const { client, states } = await host(context);
  await client({ version: 141 }).provision();
  const device = await states.device("alice", "rookerytest1");
  assert.deepEqual(device?.information, { Model: "Rookery test device" });
  assert.equal(device.lastVersion, "14.1");
});

for (const [scope, element] of [
  ["device", "Provision:RemoteWipe"],
  ["account", "Provision:AccountOnlyRemoteWipe"],
] as const) {
  test(`Provision: a wipe of the ${scope} is ordered, acknowledged, and keeps the device out`, async (context) => {
    const { client, states } = await host(context);
    const phone = client();
    await phone.provision();
    await states.updateDevice("alice", "rookerytest1", { wipe: scope });
    const told = await phone.post("FolderSync", undefined);
    assert.equal(told.root?.textOf(t("FolderHierarchy:Status")), "140");
    const ordered = await ask(phone);
    assert.equal(ordered.root?.textOf(t("Provision:Status")), "1");
    assert.notEqual(ordered.root?.child(t(element)), undefined);
    assert.equal(policyOf(ordered), undefined);
    const acknowledge = (status: number): Promise<EasResponse> =>
      send(phone, (writer) => writer.start(t(element)).text(t("Provision:Status"), status).end());
    // It could not: the order stays.
    await acknowledge(2);
    assert.equal((await states.device("alice", "rookerytest1"))?.wipe, scope);
    assert.equal((await acknowledge(1)).root?.textOf(t("Provision:Status")), "1");
    const wiped = await states.device("alice", "rookerytest1");
    assert.equal(wiped?.wipe, "none");
    assert.ok(wiped.wipedAtMs > 0);
    const later = await phone.post("FolderSync", undefined);
    assert.equal(later.root?.textOf(t("FolderHierarchy:Status")), "129");
    await states.updateDevice("alice", "rookerytest1", { access: "allowed" });
    await phone.provision();
    assert.equal((await phone.post("FolderSync", undefined)).status, 200);
  });
}

test("Provision: before 16.1 an account-only wipe keeps the device out and never wipes all of it", async (context) => {
  const { client, states } = await host(context);
  const phone = client({ version: 141 });
  await phone.provision();
  await states.updateDevice("alice", "rookerytest1", { wipe: "account" });
  const answer = await ask(phone);
  assert.equal(answer.root?.child(t("Provision:RemoteWipe")), undefined);
  assert.equal(answer.root?.textOf(t("Provision:Status")), "129");
});

test("devices: rules by type and agent, quarantine, blocked users, number of devices", async (context) => {
  const { client, states } = await host(context, {
    settings: {
      unknownDevices: "quarantine",
      deviceRules: new Map([
        ["type:iphone*", "allow"],
        ["agent:*Android/4*", "block"],
      ]),
      blockedUsers: ["BOB@example.test"],
      maxDevices: 3,
    },
    policy: { required: false },
  });
  const statusOf141 = async (settings: Parameters<EasHost["client"]>[0]): Promise<string | undefined> => {
    const answer = await client({ version: 141, ...settings }).post("FolderSync", undefined);
    return answer.body.length === 0
      ? String(answer.status)
      : answer.root?.textOf(t("FolderHierarchy:Status"));
  };
  assert.equal(await statusOf141({ deviceId: "a1", deviceType: "iPhone12C1" }), "200");
  assert.equal(await statusOf141({ deviceId: "a2", userAgent: "Android/4.4-EAS-1.3" }), "129");
  assert.equal(await statusOf141({ deviceId: "a3" }), "129");
  assert.equal((await states.device("alice", "a2"))?.access, "blocked");
  assert.equal((await states.device("alice", "a3"))?.access, "quarantined");
  assert.equal(await statusOf141({ deviceId: "a4", deviceType: "iPhone" }), "177");
  assert.equal(await statusOf141({ user: "bob", deviceType: "iPhone" }), "126");
  await states.updateDevice("alice", "a3", { access: "allowed" });
  assert.equal(await statusOf141({ deviceId: "a3" }), "200");
  const old = await client({ version: 121, deviceId: "a2", userAgent: "Android/4.4-EAS-1.3" }).post(
    "FolderSync",
    undefined,
  );
  assert.equal(old.status, 403);
});

test("trace: what was said, without the password", async (context) => {
  const { client, states, traces } = await host(context);
  const phone = client();
  await phone.provision();
  await states.updateDevice("alice", "rookerytest1", { tracing: true });
  await phone.post(
    "Settings",
    document((writer) => {
      writer.start(t("Settings:Settings")).start(t("Settings:DevicePassword")).start(t("Settings:Set"));
      writer.text(t("Settings:Password"), "hunter2").end().end().end();
    }),
  );
  const trace = traces.get("alice/rookerytest1") ?? "";
  assert.match(trace, /^=== .* POST \?Cmd=Settings/);
  assert.match(trace, /<Settings:Password>\*<\/Settings:Password>/);
  assert.match(trace, /--- 200 after \d+ ms/);
  assert.match(trace, /<Settings:Status>7<\/Settings:Status>/);
  assert.doesNotMatch(trace, /hunter2|secret|YWxpY2U/);
});
