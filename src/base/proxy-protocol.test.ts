import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseProxyHeader, ProxyProtocolError } from "./proxy-protocol.ts";

const V2 = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const v2 = (command: number, family: number, rest: number[]): Buffer =>
  Buffer.concat([
    V2,
    Buffer.from([0x20 | command, family, rest.length >> 8, rest.length & 255]),
    Buffer.from(rest),
  ]);

const client = (remoteAddress: string, localAddress: string): object => ({
  remoteAddress,
  localAddress,
  remotePort: 258,
  localPort: 143,
});

test("parseProxyHeader: both versions", () => {
  const tail = [1, 2, 0, 143];
  const v6 = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  const cases: [Buffer, object | undefined][] = [
    [Buffer.from("PROXY TCP4 192.0.2.1 198.51.100.2 258 143\r\n"), client("192.0.2.1", "198.51.100.2")],
    [Buffer.from("PROXY TCP6 2001:db8::1 ::1 258 143\r\n"), client("2001:db8::1", "::1")],
    [Buffer.from("PROXY UNKNOWN\r\n"), undefined],
    [Buffer.from("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"), undefined],
    [v2(1, 0x11, [192, 0, 2, 1, 198, 51, 100, 2, ...tail]), client("192.0.2.1", "198.51.100.2")],
    [v2(1, 0x21, [...v6, 1, ...v6, 2, ...tail, 4, 0, 1, 9]), client("2001:db8::1", "2001:db8::2")],
    [v2(0, 0, []), undefined],
    [v2(1, 0x31, [1, 2, 3]), undefined],
  ];
  for (const [bytes, expected] of cases) {
    const header = parseProxyHeader(Buffer.concat([bytes, Buffer.from("rest")]));
    assert.deepEqual(header, { length: bytes.length, client: expected });
    for (let cut = 0; cut < bytes.length; cut++)
      assert.equal(parseProxyHeader(bytes.subarray(0, cut)), undefined);
  }
});

test("parseProxyHeader: refuses what is no header", () => {
  const bad = [
    "a1 NOOP\r\n",
    "PROXY TCP4 192.0.2.1 198.51.100.2 99999 143\r\n",
    "PROXY TCP4 ::1 ::1 1 2\r\n",
    "PROXY TCP6 192.0.2.1 ::1 1 2\r\n",
    `PROXY ${"x".repeat(200)}`,
  ].map((line) => Buffer.from(line));
  for (const bytes of [...bad, v2(2, 0, []), v2(1, 0x11, [1, 2, 3])]) {
    assert.throws(() => parseProxyHeader(bytes), ProxyProtocolError);
  }
});

test("parseProxyHeader: hostile bytes give a header, nothing or its own error", () => {
  const start = fc.constantFrom(Buffer.from("PROXY "), V2, Buffer.alloc(0));
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 300 }), (head, rest) => {
      try {
        const header = parseProxyHeader(Buffer.concat([head, rest]));
        assert.ok(header === undefined || header.length <= head.length + rest.length);
      } catch (error) {
        assert.ok(error instanceof ProxyProtocolError);
      }
    }),
  );
});
