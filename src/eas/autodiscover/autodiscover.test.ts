import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { test, type TestContext } from "node:test";
import { easSettings, startEasHost, TestAccounts } from "../../../test/support/eas-host.ts";
import { systemClock } from "../../base/io/clock.ts";
import { silentLog } from "../../base/log.ts";
import type { EasSettings } from "../options.ts";
import { MOBILESYNC, OUTLOOK, parseAutodiscover } from "./request.ts";
import { autodiscoverRoutes } from "./routes.ts";

async function start(context: TestContext, settings: Partial<EasSettings> = {}): Promise<string> {
  const host = await startEasHost({
    moreRoutes: [
      autodiscoverRoutes({
        accounts: new TestAccounts(),
        settings: easSettings(settings),
        isLocalDomain: (domain) => domain.toLowerCase() === "example.test",
        isOwnDomain: (domain) => domain === "own.test",
        hostName: "node.example.net",
        mailProtocols: [
          { type: "IMAP", host: "", port: 993, implicitTls: true },
          { type: "SMTP", host: "", port: 587, implicitTls: false },
        ],
        instance: "abc123",
        clock: systemClock,
        log: silentLog,
      }),
    ],
  });
  context.after(() => host.close());
  return host.url;
}

const request = (address: string, schema: string): string => `<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/mobilesync/requestschema/2006">
  <Request><EMailAddress>${address}</EMailAddress>
  <AcceptableResponseSchema>${schema}</AcceptableResponseSchema></Request></Autodiscover>`;

function post(url: string, body: string, password = "secret"): Promise<Response> {
  const authorization = `Basic ${btoa(`alice@example.test:${password}`)}`;
  return fetch(url, { method: "POST", body, headers: { authorization, "content-type": "text/xml" } });
}

test("autodiscover: mobilesync, on all paths and in any case (S2.48, S2.62, S2.63)", async (context) => {
  const url = await start(context, { externalUrl: "https://mail.example.test/", culture: "fr:fr" });
  for (const path of [
    "/autodiscover/autodiscover.xml",
    "/AutoDiscover/Autodiscover.XML",
    "/opush/Autodiscover/",
  ]) {
    const response = await post(url + path, request("Alice@example.test", MOBILESYNC));
    assert.equal(response.status, 200);
    assert.match(response.headers.get("content-type") ?? "", /^text\/xml/);
    assert.equal(response.headers.get("x-rookery-instance"), "abc123");
    const xml = await response.text();
    assert.equal(
      xml,
      `<?xml version="1.0" encoding="utf-8"?>\n<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">` +
        `<Response xmlns="${MOBILESYNC}"><Culture>fr:fr</Culture><User><DisplayName>Alice Example</DisplayName>` +
        `<EMailAddress>alice@example.test</EMailAddress></User><Action><Settings><Server><Type>MobileSync</Type>` +
        `<Url>https://mail.example.test/Microsoft-Server-ActiveSync</Url>` +
        `<Name>https://mail.example.test/Microsoft-Server-ActiveSync</Name></Server></Settings></Action></Response></Autodiscover>\n`,
    );
  }
});

test("autodiscover: certificate enrolment where there is one", async (context) => {
  const url = await start(context, {
    certificateUrl: "https://cert.example.test/",
    certificateTemplate: "User",
  });
  const response = await post(
    `${url}/autodiscover/autodiscover.xml`,
    request("alice@example.test", MOBILESYNC),
  );
  assert.match(
    await response.text(),
    /<Type>CertEnroll<\/Type><Url>https:\/\/cert\.example\.test\/<\/Url><Name\/><ServerData>User</,
  );
});

test("autodiscover: mail programs learn IMAP and SMTP", async (context) => {
  const url = await start(context, { externalUrl: "https://mail.example.test" });
  const response = await post(`${url}/autodiscover/autodiscover.xml`, request("alice@example.test", OUTLOOK));
  const xml = await response.text();
  assert.match(xml, /<AutoDiscoverSMTPAddress>alice@example\.test</);
  assert.match(xml, /<Type>IMAP<\/Type><Server>mail\.example\.test<\/Server><Port>993<\/Port>.*<SSL>on</);
  assert.match(xml, /<Type>SMTP<\/Type>.*<Port>587<\/Port>.*<Encryption>TLS</);
});

test("autodiscover: what is wrong has the protocol's error", async (context) => {
  const url = await start(context);
  const path = `${url}/autodiscover/autodiscover.xml`;
  const cases: [string, number][] = [
    ["", 600],
    ["no XML", 600],
    [request("not an address", MOBILESYNC), 600],
    [`<!DOCTYPE a [<!ENTITY b "x">]>${request("alice@example.test", MOBILESYNC)}`, 600],
    [request("mallory@example.test", MOBILESYNC), 500],
    [request("alice@example.test", "http://schemas.example.test/other"), 601],
  ];
  for (const [body, code] of cases) {
    const response = await post(path, body);
    assert.equal(response.status, 200);
    assert.match(await response.text(), new RegExp(`<ErrorCode>${code}</ErrorCode>`));
  }
  assert.equal((await post(path, request("alice@example.test", MOBILESYNC), "wrong")).status, 401);
  assert.equal((await post(path, "x".repeat(20_000))).status, 413);
  const plain = await fetch(path, { redirect: "manual" });
  assert.equal(plain.status, 302);
  assert.match(
    plain.headers.get("location") ?? "",
    /^https:\/\/127\.0\.0\.1:\d+\/autodiscover\/autodiscover\.xml$/,
  );
});

test("autodiscover: JSON tells of domains, not of users", async (context) => {
  const url = await start(context, { externalUrl: "https://mail.example.test" });
  const ask = async (path: string): Promise<[number, unknown]> => {
    const response = await fetch(url + path);
    return [response.status, await response.json()];
  };
  const activeSync = { Protocol: "ActiveSync", Url: "https://mail.example.test/Microsoft-Server-ActiveSync" };
  for (const path of [
    "/autodiscover/autodiscover.json?Email=nobody@example.test&Protocol=ActiveSync",
    "/Autodiscover/Autodiscover.json/v1.0/alice@EXAMPLE.test?protocol=activesync&RedirectCount=1",
  ]) {
    assert.deepEqual(await ask(path), [200, activeSync]);
  }
  const [, xml] = await ask("/autodiscover/autodiscover.json?Email=a@example.test&Protocol=AutodiscoverV1");
  assert.deepEqual(xml, {
    Protocol: "AutodiscoverV1",
    Url: "https://mail.example.test/autodiscover/autodiscover.xml",
  });
  for (const [path, status, code] of [
    ["?Email=a@example.test", 400, "MandatoryParameterMissing"],
    ["?Email=a@example.test&Protocol=Ews", 400, "InvalidProtocol"],
    ["?Protocol=ActiveSync", 400, "InvalidEmail"],
    ["?Email=a@elsewhere.test&Protocol=ActiveSync", 404, "UserNotFound"],
  ] as const) {
    const [got, body] = await ask(`/autodiscover/autodiscover.json${path}`);
    assert.equal(got, status);
    assert.equal((body as { ErrorCode: string }).ErrorCode, code);
  }
});

test("autodiscover: without an own address, the name that was asked for is told only where it is ours", async (context) => {
  const settings = { mailHost: "mail.elsewhere.test" };
  const { hostname, port } = new URL(await start(context, settings));
  const told = (host: string, method: "GET" | "POST"): Promise<string> => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const isXml = method === "POST";
    const path = isXml
      ? "/autodiscover/autodiscover.xml"
      : "/autodiscover/autodiscover.json?Email=a@example.test&Protocol=ActiveSync";
    const authorization = `Basic ${btoa("alice@example.test:secret")}`;
    const headers = { host, "content-type": "text/xml", ...(isXml ? { authorization } : {}) };
    const asked = httpRequest({ hostname, port, path, method, headers }, (answer) => {
      answer.toArray().then((chunks) => resolve(Buffer.concat(chunks as Buffer[]).toString()), reject);
    });
    asked.once("error", reject).end(isXml ? request("alice@example.test", MOBILESYNC) : undefined);
    return promise.then((text) => /https:\/\/[^<"]+/.exec(text)?.[0] ?? text);
  };
  const path = "/Microsoft-Server-ActiveSync";
  for (const hostile of ["evil.test", "own.test.evil.test", "evilown.test", "10.9.8.7", "x@own.test"]) {
    assert.equal(await told(hostile, "GET"), `https://node.example.net${path}`, hostile);
    assert.equal(await told(hostile, "POST"), `https://node.example.net${path}`, hostile);
  }
  for (const own of ["own.test", `Phones.own.test:${port}`, "mail.elsewhere.test", `${hostname}:${port}`]) {
    assert.equal(await told(own, "GET"), `https://${own}${path}`);
  }
  // Whoever writes a name of ours may write any port behind it.
  assert.equal(await told("own.test:99", "GET"), `https://own.test${path}`);
  // A user of that domain has logged in: the name may be his.
  assert.equal(await told("autodiscover.example.test", "POST"), `https://autodiscover.example.test${path}`);
  assert.equal(await told("autodiscover.example.test", "GET"), `https://node.example.net${path}`);
});

test("parseAutodiscover: prefixes, entities, blanks", () => {
  const xml = `<a:Request xmlns:a="x"><a:EMailAddress> o&amp;m@example.test </a:EMailAddress></a:Request>`;
  assert.deepEqual(parseAutodiscover(xml), { address: "o&m@example.test", schema: "" });
});
