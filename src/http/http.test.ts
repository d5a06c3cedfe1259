import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { get as getClear } from "node:http";
import { get } from "node:https";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { Listener } from "../base/io/network.ts";
import { TlsContexts } from "../base/io/tls-contexts.ts";
import { silentLog } from "../base/log.ts";
import { Metrics } from "../base/metrics.ts";
import { NetworkList } from "../base/networks.ts";
import { makeSelfSignedCertificate } from "../main/certificate.ts";
import { healthRoutes } from "./health.ts";
import { type HttpRoutes, listenHttp } from "./http.ts";
import { metricsRoutes } from "./metrics-routes.ts";

function listen(
  routes: HttpRoutes[],
  metrics = new Metrics(),
  tls?: TlsContexts,
  trustedProxies?: NetworkList,
): Promise<Listener> {
  return listenHttp({
    host: "127.0.0.1",
    port: 0,
    routes,
    log: silentLog,
    metrics: metrics.room("http"),
    tls,
    trustedProxies,
  });
}

const whoAmI: HttpRoutes = (app) => {
  app.get("/ip", (request) => ({ ip: request.ip, protocol: request.protocol }));
};

function get200(port: number, headers: Record<string, string>, socket?: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    const over = socket === undefined ? { agent: false as const } : { createConnection: () => socket };
    const options = { host: "127.0.0.1", port, path: "/ip", headers, ...over };
    const request = getClear(options, (response) => {
      response.toArray().then((chunks) => resolve(chunks.join("")), reject);
    });
    request.on("error", reject);
  });
}

function selfSigned(folder: string, name: string): { certificate: string; key: string } {
  const files = { certificate: join(folder, "c.pem"), key: join(folder, "k.pem") };
  const made = makeSelfSignedCertificate([name], Date.now(), randomBytes(16));
  writeFileSync(files.certificate, made.certificatePem);
  writeFileSync(files.key, made.privateKeyPem);
  return files;
}

test("listenHttp: health and metrics", async () => {
  const metrics = new Metrics();
  let trouble: string | undefined;
  const listener = await listen([healthRoutes({ disk: () => trouble }), metricsRoutes(metrics)], metrics);
  const base = `http://127.0.0.1:${listener.port}`;
  const healthy = await fetch(`${base}/health`);
  assert.equal(healthy.status, 200);
  assert.deepEqual(await healthy.json(), { status: "ok", checks: { disk: "ok" } });
  trouble = "disk is full";
  const failing = await fetch(`${base}/health`);
  assert.equal(failing.status, 503);
  assert.deepEqual(await failing.json(), { status: "failing", checks: { disk: "disk is full" } });
  const scraped = await fetch(`${base}/metrics`);
  assert.match(scraped.headers.get("content-type") ?? "", /text\/plain/);
  assert.match(
    await scraped.text(),
    /rookery_http_request_seconds_count\{method="GET",route="\/health",status="200"\} 1/,
  );
  await listener.close();
});

test("listenHttp: unknown paths, large bodies and internal errors get plain answers", async () => {
  const listener = await listen([
    (app) => {
      app.post("/echo", (request) => request.body);
      app.get("/bug", () => {
        throw new Error("hush");
      });
    },
  ]);
  const base = `http://127.0.0.1:${listener.port}`;
  const cases: [string, RequestInit, number][] = [
    ["/nowhere", {}, 404],
    ["/bug", {}, 500],
    ["/echo", { method: "POST", body: "x".repeat(2 ** 20 + 1) }, 413],
    ["/echo", { method: "POST", body: "hello" }, 200],
  ];
  for (const [path, init, status] of cases) {
    const response = await fetch(base + path, init);
    assert.equal(response.status, status);
    assert.doesNotMatch(await response.text(), /hush/);
  }
  await listener.close();
});

test("listenHttp: TLS follows renewed certificates, also for clients without SNI", async () => {
  const folder = mkdtempSync(join(tmpdir(), "rookery-http-"));
  const tls = new TlsContexts([selfSigned(folder, "old.test")]);
  const listener = await listen([healthRoutes({})], new Metrics(), tls);
  const subject = (): Promise<unknown> =>
    new Promise((resolve, reject) => {
      get(
        { host: "127.0.0.1", port: listener.port, path: "/health", rejectUnauthorized: false, agent: false },
        (response) => {
          resolve((response.socket as TLSSocket).getPeerCertificate().subject.CN);
          response.resume();
        },
      ).on("error", reject);
    });
  assert.equal(await subject(), "old.test");
  selfSigned(folder, "renewed.test");
  tls.reload();
  assert.equal(await subject(), "renewed.test");
  await listener.close();
  rmSync(folder, { recursive: true });
});

test("listenHttp: the client's address behind trusted proxies, by X-Forwarded-For or a PROXY header", async () => {
  const here = new NetworkList(["127.0.0.0/8"]);
  const listener = await listen([whoAmI], new Metrics(), undefined, here);
  const forwarded = { "x-forwarded-for": "198.51.100.9, 192.0.2.7, 127.0.0.3", "x-forwarded-proto": "https" };
  const ask = async (headers: Record<string, string>, header?: string | Buffer): Promise<unknown> => {
    if (header === undefined) return JSON.parse(await get200(listener.port, headers));
    const socket = connect(listener.port, "127.0.0.1");
    socket.write(header);
    return JSON.parse(await get200(listener.port, headers, socket));
  };
  const version1 = "PROXY TCP4 203.0.113.5 127.0.0.1 4711 80\r\n";
  const local = Buffer.from("\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00", "latin1");
  const cases: [Record<string, string>, string | Buffer | undefined, object][] = [
    [{}, undefined, { ip: "127.0.0.1", protocol: "http" }],
    // The last one that is no proxy of ours: what stands before it anybody can have written.
    [forwarded, undefined, { ip: "192.0.2.7", protocol: "https" }],
    // The PROXY header names a client that is no proxy: what it claims is not believed.
    [forwarded, version1, { ip: "203.0.113.5", protocol: "http" }],
    [{}, local, { ip: "127.0.0.1", protocol: "http" }],
  ];
  for (const [headers, header, expected] of cases) assert.deepEqual(await ask(headers, header), expected);
  await assert.rejects(ask({}, "PROXY nonsense\r\n"), /hang up|ECONNRESET/);
  await listener.close();

  const strict = await listen([whoAmI]);
  assert.equal(await get200(strict.port, forwarded), '{"ip":"127.0.0.1","protocol":"http"}');
  await strict.close();
});

test("listenHttp: a PROXY header comes before TLS", async () => {
  const folder = mkdtempSync(join(tmpdir(), "rookery-http-"));
  const tls = new TlsContexts([selfSigned(folder, "mail.test")]);
  const listener = await listen([whoAmI], new Metrics(), tls, new NetworkList(["127.0.0.1"]));
  for (const [header, ip] of [
    ["PROXY TCP6 2001:db8::7 ::1 4711 443\r\n", "2001:db8::7"],
    ["", "127.0.0.1"],
  ] as const) {
    const clear = connect(listener.port, "127.0.0.1");
    clear.write(header);
    const secure = connectTls({ socket: clear, rejectUnauthorized: false });
    assert.equal(await get200(listener.port, {}, secure), `{"ip":"${ip}","protocol":"https"}`);
  }
  // Somebody who never shakes hands does not keep the listener open.
  const silent = connect(listener.port, "127.0.0.1");
  await new Promise((resolve) => silent.once("connect", resolve));
  const gone = new Promise((resolve) => silent.once("close", resolve).on("error", () => undefined));
  await listener.close();
  await gone;
  rmSync(folder, { recursive: true });
});
