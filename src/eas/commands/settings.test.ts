import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { type EasHost, startEasHost, TestAccounts } from "../../../test/support/eas-host.ts";
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import type { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import type { EasClient } from "../client.ts";
import { answered } from "../client-commands.ts";
import type { Element } from "../element.ts";
import { PROTOCOL_VERSIONS } from "../version.ts";

const t = tagOf;

async function host(context: TestContext, accounts = new TestAccounts()): Promise<EasHost> {
  const started = await startEasHost({ accounts });
  context.after(() => started.close());
  return started;
}

function settings(client: EasClient, build: (writer: WbxmlWriter) => void): Promise<Element> {
  return answered(client, "Settings", (writer) => {
    writer.start(t("Settings:Settings"));
    build(writer);
    writer.end();
  });
}

const status = (element: Element | undefined): string | undefined => element?.textOf(t("Settings:Status"));

test("Settings: user information in the form of each version", async (context) => {
  const { client } = await host(context);
  for (const version of PROTOCOL_VERSIONS) {
    const root = await settings(client({ version }), (writer) =>
      writer.start(t("Settings:UserInformation")).empty(t("Settings:Get")).end(),
    );
    assert.equal(status(root), "1");
    const information = root.child(t("Settings:UserInformation"));
    assert.equal(status(information), "1");
    const get = information?.child(t("Settings:Get"));
    const account = get?.child(t("Settings:Accounts"))?.child(t("Settings:Account"));
    assert.equal(account === undefined, version < 141);
    const addresses = (version < 141 ? get : account)?.child(t("Settings:EmailAddresses"));
    assert.deepEqual(
      addresses?.all(t("Settings:SmtpAddress")).map(({ text }) => text),
      ["alice@example.test", "alice.example@example.test"],
    );
    if (version < 141) continue;
    assert.equal(account?.textOf(t("Settings:UserDisplayName")), "Alice Example");
    assert.equal(addresses.textOf(t("Settings:PrimarySmtpAddress")), "alice@example.test");
  }
});

test("Settings: several properties at once; device information is remembered", async (context) => {
  const { client, states } = await host(context);
  const root = await settings(client(), (writer) => {
    writer.start(t("Settings:RightsManagementInformation")).empty(t("Settings:Get")).end();
    writer.start(t("Settings:DeviceInformation")).start(t("Settings:Set"));
    writer.text(t("Settings:Model"), "Phone 3").text(t("Settings:OS"), "OS 1.0").end().end();
    writer.start(t("Settings:DevicePassword")).start(t("Settings:Set"));
    writer.text(t("Settings:Password"), "1234").end().end();
  });
  assert.equal(status(root.child(t("Settings:RightsManagementInformation"))), "168");
  assert.equal(status(root.child(t("Settings:DeviceInformation"))), "1");
  assert.equal(status(root.child(t("Settings:DevicePassword"))), "7");
  const device = await states.device("alice", "rookerytest1");
  assert.deepEqual(device?.information, { Model: "Phone 3", OS: "OS 1.0" });
});

function setOof(client: EasClient, state: number, times: readonly string[] = []): Promise<Element> {
  return settings(client, (writer) => {
    writer.start(t("Settings:Oof")).start(t("Settings:Set")).text(t("Settings:OofState"), state);
    const [start, end] = times;
    if (start !== undefined) writer.text(t("Settings:StartTime"), start);
    if (end !== undefined) writer.text(t("Settings:EndTime"), end);
    writer
      .start(t("Settings:OofMessage"))
      .empty(t("Settings:AppliesToInternal"))
      .text(t("Settings:Enabled"), 1);
    writer.text(t("Settings:ReplyMessage"), "Gone fishing").text(t("Settings:BodyType"), "TEXT").end();
    writer.start(t("Settings:OofMessage")).empty(t("Settings:AppliesToExternalKnown"));
    writer.empty(t("Settings:AppliesToExternalUnknown")).text(t("Settings:Enabled"), 1);
    writer.text(t("Settings:ReplyMessage"), "<p>Away</p>").text(t("Settings:BodyType"), "HTML").end();
    writer.end().end();
  });
}

test("Settings: out of office is set and read back", async (context) => {
  const accounts = new TestAccounts();
  const { client } = await host(context, accounts);
  const phone = client();
  const times = ["2026-08-01T06:00:00.000Z", "2026-08-15T18:00:00.000Z"];
  assert.equal(status((await setOof(phone, 2, times)).child(t("Settings:Oof"))), "1");
  assert.deepEqual(accounts.vacations.get("alice"), {
    enabled: true,
    startsAt: Date.UTC(2026, 7, 1, 6) / 1000,
    endsAt: Date.UTC(2026, 7, 15, 18) / 1000,
    internal: { text: "Gone fishing", isHtml: false },
    externalKnown: { text: "<p>Away</p>", isHtml: true },
    externalUnknown: { text: "<p>Away</p>", isHtml: true },
  });
  const root = await settings(phone, (writer) => {
    writer.start(t("Settings:Oof")).start(t("Settings:Get")).text(t("Settings:BodyType"), "TEXT").end().end();
  });
  const get = root.child(t("Settings:Oof"))?.child(t("Settings:Get"));
  assert.equal(get?.textOf(t("Settings:OofState")), "2");
  assert.equal(get.textOf(t("Settings:StartTime")), times[0]);
  assert.equal(get.all(t("Settings:OofMessage")).length, 3);
  const [internal] = get.all(t("Settings:OofMessage"));
  assert.equal(internal?.textOf(t("Settings:ReplyMessage")), "Gone fishing");
});

test("Settings: out of office that makes no sense is status 5, a request of nothing 2", async (context) => {
  const { client } = await host(context);
  const phone = client();
  for (const times of [
    [],
    ["2026-08-01T06:00:00.000Z"],
    ["soon", "later"],
    ["2026-08-02T00:00:00Z", "2026-08-01T00:00:00Z"],
  ]) {
    assert.equal(status((await setOof(phone, 2, times)).child(t("Settings:Oof"))), "5");
  }
  assert.equal(status((await setOof(phone, 3)).child(t("Settings:Oof"))), "5");
  assert.equal(status(await settings(phone, () => undefined)), "2");
  const neither = await settings(phone, (writer) => writer.start(t("Settings:Oof")).end());
  assert.equal(status(neither.child(t("Settings:Oof"))), "2");
});
