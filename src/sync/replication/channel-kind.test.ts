import assert from "node:assert/strict";
import { test } from "node:test";
import { InvalidValue, type ParseContext } from "../../config/kind.ts";
import { channelKind } from "./channel-kind.ts";

const CONTEXT: ParseContext = {
  folder: "/etc/rookery",
  environment: { TOKEN: "hidden" },
  readText: () => "hidden\n",
};

test("channel: host and port alone, a mapping, and the text form", () => {
  const address = { host: "r3.example.org", port: 2005 };
  assert.deepEqual(channelKind.parse("r3.example.org:2005", CONTEXT), { address });
  const whole = {
    host: "r3.example.org:2005",
    users: ["alice", "bob"],
    transport: "imap",
    tls: "required",
    ca: "r3.pem",
    acknowledge: "replica",
    max_rate: "1MiB",
  };
  const parsed = channelKind.parse({ ...whole, password: "env:TOKEN" }, CONTEXT);
  assert.equal(parsed.password?.reveal(), "hidden");
  assert.equal(parsed.transport, "imap");
  assert.deepEqual(parsed.users, ["alice", "bob"]);
  assert.equal(parsed.ca, "/etc/rookery/r3.pem");
  const asText =
    "r3.example.org:2005;users=alice bob;transport=imap;tls=required;ca=r3.pem;acknowledge=replica;max_rate=1MiB;password=env:TOKEN";
  assert.deepEqual(channelKind.parse(asText, CONTEXT), parsed);
});

test("channel: printed as it would be written, passwords as *", () => {
  const print = (raw: unknown): unknown => channelKind.print(channelKind.parse(raw, CONTEXT));
  assert.equal(print("r3.example.org:2005"), "r3.example.org:2005");
  assert.deepEqual(print("r3.example.org:2005;password=secret"), {
    host: "r3.example.org:2005",
    password: "*",
  });
});

test("channel: what is wrong is named, secrets are not", () => {
  const cases: readonly (readonly [unknown, RegExp])[] = [
    ["r3.example.org", /^host is not host:port/],
    [{ tls: "off" }, /^host is missing$/],
    ["r3:2005;tls=maybe", /^tls is not one of auto, required, off$/],
    ["r3:2005;secret=x", /^"secret" is none of host, /],
    ["r3:2005;password=env:NOTHING", /NOTHING is not set/],
  ];
  for (const [raw, message] of cases) {
    assert.throws(
      () => channelKind.parse(raw, CONTEXT),
      (error) => error instanceof InvalidValue && message.test(error.message),
    );
  }
});
