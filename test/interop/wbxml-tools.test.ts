/** Our WBXML against libwbxml's programs: every tag of every code page one way, requests of phones the other. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { parseElement, type Element } from "../../src/eas/element.ts";
import { nameOf, namespaces, tagOf } from "../../src/wire/wbxml/code-pages.ts";
import { WbxmlWriter } from "../../src/wire/wbxml/writer.ts";
import { toolOrSkip } from "../support/tool-or-skip.ts";

const run = promisify(execFile);

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "rookery-wbxml-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function toXml(folder: string, wbxml: Buffer): Promise<string> {
  const file = join(folder, "document.wbxml");
  writeFileSync(file, wbxml);
  const { stdout } = await run("wbxml2xml", ["-l", "ACTIVESYNC", "-m", "0", "-o", "-", file]);
  return stdout.replaceAll(/<[?!][^>]*>/g, "");
}

/** Where libwbxml 0.11.8 keeps an older name, or a slip of its own, for the same token. */
const THEIR_NAMES: Readonly<Record<string, string>> = {
  "Contacts:AssistantPhoneNumber": "AssistantTelephoneNumber",
  "Email:Att0Id": "AttOId",
  "Email:ReplyTo": "Reply-To",
  "Email:Status": "FlagStatus",
  "Calendar:Timezone": "TimeZone",
  "Calendar:Email": "Attendee_Email",
  "Calendar:Name": "Attendee_Name",
  "Calendar:Deleted": "Exception_Deleted",
  "Calendar:ExceptionStartTime": "Exception_StartTime",
  "Calendar:OrganizerEmail": "Organizer_Email",
  "Calendar:OrganizerName": "Organizer_Name",
  "Calendar:AttendeeStatus": "Attendee_Status",
  "Calendar:AttendeeType": "Attendee_Type",
  "Tasks:UtcDueDate": "UTCDueDate",
  "Tasks:UtcStartDate": "UTCStartDate",
  "Provision:RequireStorageCardEncryption": "DeviceEncryptionEnabled",
  "Settings:RightsManagementInformation": "ihsManagementInformation",
  "ComposeMail:Mime": "MIME",
  "ComposeMail:Name": "ForwardeeName",
  "ComposeMail:Email": "ForwardeeEmail",
  "RightsManagement:Owner": "RMOwner",
  "RightsManagement:RemoveRightsManagementProtection": "RemoveRightsManagementDistribution",
};
/** Newer than libwbxml. */
const UNKNOWN_TO_THEM = /^(Find:.*|MeetingResponse:Proposed(Start|End)Time|Provision:AccountOnlyRemoteWipe)$/;

function theirName(name: string): string {
  const [page = "", local = ""] = name.split(":");
  const known = THEIR_NAMES[name];
  if (known !== undefined) return known;
  if (page === "Contacts") return local.replace(/^(Business|Home|Other)Address/, "$1");
  const inRecurrence = /^(Type|Start|Until|Occurrences|Interval|Day|Week|Month|Regenerate|DeadOccur)/;
  if (["Email", "Calendar", "Tasks"].includes(page) && inRecurrence.test(local) && local !== "StartDate") {
    return local === "StartTime" ? local : `Recurrence_${local}`;
  }
  return local.replace(/^DtStamp$/, "DTStamp");
}

test("wbxml2xml reads every tag that we write as the same element", async (t) => {
  if (!toolOrSkip(t, "wbxml2xml")) return;
  const names: string[] = [];
  const writer = new WbxmlWriter().start(tagOf("AirSync:Sync"));
  for (const page of namespaces.keys()) {
    for (let token = 5; token < 0x40; token += 1) {
      const tag = (page << 8) | token;
      const name = nameOf(tag);
      if (name === undefined || UNKNOWN_TO_THEM.test(name)) continue;
      names.push(name);
      writer.empty(tag);
    }
  }
  const xml = await toXml(temporaryFolder(t), writer.end().finish());
  const read = [...xml.matchAll(/<([\w-]+)[^>]*\/>/g)].map(([, name = ""]) => name);
  assert.ok(names.length > 500);
  assert.deepEqual(read, names.map(theirName));
});

test("wbxml2xml reads text, opaque bytes and many pages", async (t) => {
  if (!toolOrSkip(t, "wbxml2xml")) return;
  const writer = new WbxmlWriter().start(tagOf("AirSync:Sync")).start(tagOf("AirSync:Collections"));
  writer.text(tagOf("AirSync:SyncKey"), "1-äöü€😀").text(tagOf("AirSyncBase:Type"), 2);
  writer.start(tagOf("AirSyncBase:Data")).opaque(Buffer.from("<opaque & text>")).end();
  writer.text(tagOf("Email:Subject"), "a < b & c");
  const xml = await toXml(temporaryFolder(t), writer.end().end().finish());
  assert.match(xml, /<SyncKey>1-äöü€😀<\/SyncKey>/);
  assert.match(xml, /<Type xmlns="AirSyncBase:">2<\/Type>/);
  assert.match(xml, /<Subject xmlns="Email:">a &lt; b &amp; c<\/Subject>/);
});

const REQUEST = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE ActiveSync PUBLIC "-//MICROSOFT//DTD ActiveSync//EN" "http://www.microsoft.com/">
<Sync xmlns="AirSync:"><Collections><Collection><SyncKey>17</SyncKey><CollectionId>5</CollectionId><DeletesAsMoves/>
<GetChanges/><Options><FilterType>2</FilterType><BodyPreference xmlns="AirSyncBase:"><Type>1</Type>
<TruncationSize>512</TruncationSize></BodyPreference></Options></Collection></Collections></Sync>`;

test("we read what xml2wbxml writes", async (t) => {
  if (!toolOrSkip(t, "xml2wbxml")) return;
  const folder = temporaryFolder(t);
  const [xml, wbxml] = [join(folder, "request.xml"), join(folder, "request.wbxml")];
  writeFileSync(xml, REQUEST);
  // Without a string table, as phones write it.
  await run("xml2wbxml", ["-a", "-n", "-o", wbxml, xml]);
  const root = parseElement(readFileSync(wbxml));
  const print = (element: Element): string =>
    element.children.length === 0
      ? `${element.name}=${element.text}`
      : `${element.name}(${element.children.map(print).join(" ")})`;
  assert.equal(
    print(root),
    "AirSync:Sync(AirSync:Collections(AirSync:Collection(AirSync:SyncKey=17 AirSync:CollectionId=5 " +
      "AirSync:DeletesAsMoves= AirSync:GetChanges= AirSync:Options(AirSync:FilterType=2 " +
      "AirSyncBase:BodyPreference(AirSyncBase:Type=1 AirSyncBase:TruncationSize=512)))))",
  );
});
