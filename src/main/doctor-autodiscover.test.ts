import assert from "node:assert/strict";
import { test } from "node:test";
import type { HttpResponse } from "../base/io/http-client.ts";
import { type AutodiscoverDoors, examineAutodiscover } from "./doctor-autodiscover.ts";
import type { Finding } from "./doctor.ts";

const failed = (code: string): Error => Object.assign(new Error(code), { code });

interface World {
  /** Host → what a GET of autodiscover gives; an error code is thrown. */
  readonly answers: Readonly<
    Record<string, { readonly instance?: string; readonly status?: number } | string>
  >;
  /** What a POST without a password gets. */
  readonly posted?: number;
  readonly services?: readonly { readonly host: string; readonly port: number }[];
}

function doors({ answers, services, posted = 401 }: World): AutodiscoverDoors {
  return {
    addresses: (host) =>
      host in answers ? Promise.resolve(["192.0.2.1"]) : Promise.reject(failed("ENOTFOUND")),
    services: () => (services === undefined ? Promise.reject(failed("ENODATA")) : Promise.resolve(services)),
    send({ url, method }, verify) {
      const { hostname, pathname } = new URL(url);
      const answer = answers[hostname];
      if (typeof answer === "string" && (verify || !answer.startsWith("CERT")))
        return Promise.reject(failed(answer));
      const { instance = "me", status = 200 } = typeof answer === "object" ? answer : {};
      if (method === "POST") {
        assert.equal(pathname, "/autodiscover/autodiscover.xml");
        const asks = { "www-authenticate": "Basic realm=x" };
        return Promise.resolve({
          status: posted,
          headers: posted === 401 ? asks : {},
          body: Buffer.alloc(0),
        });
      }
      const headers: HttpResponse["headers"] =
        method === "OPTIONS" ? { "ms-server-activesync": "16.1" } : { "x-rookery-instance": instance };
      const body = Buffer.from(
        JSON.stringify({ Url: "https://mail.example.test/Microsoft-Server-ActiveSync" }),
      );
      return Promise.resolve({ status, headers: instance === "" ? {} : headers, body });
    },
  };
}

const summary = (findings: readonly Finding[]): string =>
  findings.map(({ check, status, message }) => `${status} ${check}: ${message}`).join("\n");

test("doctor autodiscover: one address that works is enough", async () => {
  const findings = await examineAutodiscover(
    "example.test",
    "me",
    doors({ answers: { "autodiscover.example.test": {}, "mail.example.test": {} } }),
  );
  assert.equal(
    summary(findings),
    [
      "ok example.test: devices find this server from the address and the password",
      "warning https://example.test/autodiscover: example.test has no address (ENOTFOUND)",
      "ok https://autodiscover.example.test/autodiscover: this server answers",
      "ok https://autodiscover.example.test/autodiscover: phones are asked for the password",
      "ok https://autodiscover.example.test/autodiscover: https://mail.example.test/Microsoft-Server-ActiveSync is an ActiveSync server",
      "ok SRV: _autodiscover._tcp.example.test is not there (ENODATA); only devices that find no address above need it",
    ].join("\n"),
  );
});

test("doctor autodiscover: a proxy that lets the phones' POST not through is found", async () => {
  const findings = await examineAutodiscover(
    "example.test",
    "me",
    doors({ answers: { "example.test": {}, "mail.example.test": {} }, posted: 405 }),
  );
  assert.match(
    summary(findings),
    /failure .*POST \/autodiscover\/autodiscover\.xml is answered with 405 instead of 401/,
  );
  assert.equal(findings[0]?.status, "failure");
  assert.match(findings.at(-1)?.next ?? "", /SRV 0 0 443/);
});

test("doctor autodiscover: every finding says how to mend it", async () => {
  const cases: [World["answers"], RegExp, RegExp][] = [
    [{}, /has no address \(ENOTFOUND\)/, /Add an A/],
    [{ "example.test": "ECONNREFUSED" }, /no answer \(ECONNREFUSED\)/, /port 443/],
    [{ "example.test": "CERT_HAS_EXPIRED" }, /not trusted \(CERT_HAS_EXPIRED\)/, /Get a certificate/],
    [
      { "example.test": { instance: "", status: 404 } },
      /another server answers, with 404/,
      /Let \/autodiscover/,
    ],
    [{ "example.test": { instance: "other" } }, /another Rookery answers/, /another node/],
    [{ "example.test": { status: 404 } }, /does not know the domain/, /rookery domain add example\.test/],
    [{ "example.test": {} }, /mail\.example\.test.* (does not answer|is no)/, /external_url/],
  ];
  for (const [answers, message, next] of cases) {
    const world = { ...doors({ answers }) };
    if (answers["example.test"] !== undefined && message.source.startsWith("mail")) {
      const whole = doors({ answers });
      world.send = (request, verify) =>
        request.method === "OPTIONS" ? Promise.reject(failed("ETIMEDOUT")) : whole.send(request, verify);
    }
    const findings = await examineAutodiscover("example.test", "me", world);
    assert.equal(findings[0]?.status, "failure");
    const found = findings.find((finding) => message.test(finding.message));
    assert.match(found?.next ?? "", next, summary(findings));
  }
});

test("doctor autodiscover: the SRV record is followed", async () => {
  const findings = await examineAutodiscover(
    "example.test",
    undefined,
    doors({
      answers: { "phones.example.test": {}, "mail.example.test": {} },
      services: [{ host: "phones.example.test", port: 443 }],
    }),
  );
  assert.equal(findings[0]?.status, "ok", summary(findings));
});
