import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TLSSocket } from "node:tls";
import type { Listener } from "../base/io/network.ts";
import { TlsContexts } from "../base/io/tls-contexts.ts";
import { silentLog } from "../base/log.ts";
import { Metrics } from "../base/metrics.ts";
import { makeSelfSignedCertificate } from "../main/certificate.ts";
import { healthRoutes } from "./health.ts";
import { type HttpRoutes, listenHttp } from "./http.ts";
import { metricsRoutes } from "./metrics-routes.ts";

function listen(routes: HttpRoutes[], metrics = new Metrics(), tls?: TlsContexts): Promise<Listener> {
  return listenHttp({
    host: "127.0.0.1",
    port: 0,
    routes,
    log: silentLog,
    metrics: metrics.room("http"),
    tls,
  });
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
  const files = { certificate: join(folder, "c.pem"), key: join(folder, "k.pem") };
  const make = (name: string): void => {
    const made = makeSelfSignedCertificate([name], Date.now(), randomBytes(16));
    writeFileSync(files.certificate, made.certificatePem);
    writeFileSync(files.key, made.privateKeyPem);
  };
  make("old.test");
  const tls = new TlsContexts([files]);
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
  make("renewed.test");
  tls.reload();
  assert.equal(await subject(), "renewed.test");
  await listener.close();
  rmSync(folder, { recursive: true });
});
