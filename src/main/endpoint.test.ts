import assert from "node:assert/strict";
import { test } from "node:test";
import { listenOverrides, reachableHost, SERVICES } from "./endpoint.ts";

test("SERVICES: offsets differ and fit into a hundred, so that bases a hundred apart never meet", () => {
  const offsets = SERVICES.map(({ offset }) => offset);
  assert.equal(new Set(offsets).size, offsets.length);
  assert.ok(offsets.every((offset) => offset >= 0 && offset < 100));
});

test("listenOverrides: base plus offset; base 0 lets the kernel choose; IPv6 in brackets", () => {
  assert.equal(listenOverrides("127.0.0.1", 20_000)["listen.imap"], "127.0.0.1:20043");
  assert.deepEqual(new Set(Object.values(listenOverrides("::1", 0))), new Set(["[::1]:0"]));
});

test("reachableHost: an address for every interface is no destination", () => {
  for (const host of ["", "::", "0.0.0.0"]) assert.equal(reachableHost({ host, port: 1 }), "127.0.0.1");
  assert.equal(reachableHost({ host: "192.0.2.1", port: 1 }), "192.0.2.1");
});
