import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import {
  boolean,
  byteSize,
  choice,
  duration,
  hostPort,
  integerIn,
  listOf,
  mapOf,
  networkList,
  path,
  secret,
  secretFile,
  text,
} from "./kinds.ts";
import { ConfigError, type ConfigSources, loadConfig } from "./load.ts";
import { option, optionGroup, type SettingsOf } from "./option.ts";
import { configSchema, printConfig, showConfig } from "./show.ts";

const imap = optionGroup("imap", "IMAP server.", {
  idle_timeout: option(duration, "30m", "How long a session may be silent."),
  max_literal: option(byteSize, "64KiB", "The largest literal."),
  listen: option(listOf(hostPort), ["*:143"], "Where to listen."),
  workers: option(integerIn(1, 8), 2, "How many workers."),
  legacy: option(boolean, false, "Whether old clients are served."),
  greeting: option(choice("short", "long"), "short", "What to say first."),
  banner: option(text, undefined, "Text of the banner."),
});
const store = optionGroup("store", "Mail store.", {
  folder: option(path, "data", "Where mail is kept."),
  partitions: option(mapOf(path), {}, "More partitions."),
  password: option(secret, undefined, "The password."),
  key: option(secretFile, undefined, "The key."),
  trusted: option(networkList, ["127.0.0.0/8"], "Trusted networks."),
});
const groups = [imap, store];

function load(sources: Partial<ConfigSources> = {}): ReturnType<typeof loadConfig> {
  return loadConfig(groups, {
    folder: "/cwd",
    readText(file) {
      throw Object.assign(new Error(`no ${file}`), { code: "ENOENT" });
    },
    ...sources,
  });
}

function problemsOf(sources: Partial<ConfigSources>): string[] {
  try {
    load(sources);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message.split("\n");
  }
  return [];
}

test("loadConfig: defaults are parsed by their kind and named with units", () => {
  const settings: SettingsOf<typeof imap> = load().get(imap);
  assert.deepEqual(settings, {
    idleTimeoutMs: 1_800_000,
    maxLiteralBytes: 65_536,
    listen: [{ host: "", port: 143 }],
    workers: 2,
    legacy: false,
    greeting: "short",
    banner: undefined,
  });
  assert.equal(load().get(store).folder, "/cwd/data");
});

test("loadConfig: command line beats environment beats file", () => {
  const file = {
    path: "/etc/rookery/rookery.yaml",
    text: "imap:\n  idle_timeout: 10m\n  workers: 3\n  legacy: yes\nstore:\n  folder: mail\n  partitions: { archive: cold }\n",
  };
  const environment = { ROOKERY_IMAP_IDLE_TIMEOUT: "20m", ROOKERY_IMAP_WORKERS: "4", HOME: "/root" };
  const config = load({ file, environment, overrides: { "imap.workers": "5" } });
  assert.equal(config.get(imap).idleTimeoutMs, 1_200_000);
  assert.equal(config.get(imap).workers, 5);
  assert.equal(config.get(imap).legacy, true);
  assert.equal(config.get(store).folder, "/etc/rookery/mail");
  assert.equal(config.get(store).partitions.get("archive"), "/etc/rookery/cold");
  assert.deepEqual(
    showConfig(config)
      .map(({ origin }) => origin)
      .slice(0, 5),
    [
      "environment ROOKERY_IMAP_IDLE_TIMEOUT",
      "default",
      "default",
      "command line",
      "/etc/rookery/rookery.yaml:4",
    ],
  );
});

test("loadConfig: every bad and unknown name is reported at once", () => {
  const text = "imap:\n  idle_timout: 5m\n  max_literal: 12\n  listen: [a:b]\nstor:\n  folder: x\n";
  const environment = { ROOKERY_IMAP_WORKERS: "99", ROOKERY_IMAP_GREETNG: "long", ROOKERY_CONFIG: "x" };
  const sources = { file: { path: "r.yaml", text }, environment, otherEnvironmentNames: ["ROOKERY_CONFIG"] };
  assert.deepEqual(problemsOf({ ...sources, overrides: { "imap.greeting": "loud" } }), [
    "imap.idle_timout (r.yaml:2): unknown option; did you mean imap.idle_timeout?",
    "stor (r.yaml:5): unknown group; did you mean store?",
    "ROOKERY_IMAP_GREETNG (environment): unknown option; did you mean ROOKERY_IMAP_GREETING?",
    "imap.max_literal (r.yaml:3): 12 is refused: expected a size such as 4096B, 64KiB, 50MiB or 2GiB (0 = none)",
    'imap.listen (r.yaml:4): ["a:b"] is refused (item "a:b" is refused): expected a list, each host:port, [IPv6]:port, *:port or a port from 0 to 65535',
    'imap.workers (environment ROOKERY_IMAP_WORKERS): "99" is refused: expected an integer from 1 to 8',
    'imap.greeting (command line): "loud" is refused: expected one of short, long',
  ]);
});

test("loadConfig: broken YAML is a problem with its line, without the source text", () => {
  const [problem = ""] = problemsOf({ file: { path: "r.yaml", text: 'store:\n  password: "hush\n' } });
  assert.match(problem, /^YAML \(r\.yaml:\d+\): /);
  assert.doesNotMatch(problem, /hush/);
});

test("secret: value, file and environment; never printed", () => {
  const readText = (file: string): string => `from ${file}\n`;
  const values: [unknown, string][] = [
    ["hush", "hush"],
    ["file:pw", "from /cwd/pw"],
    ["env:PW", "from env"],
  ];
  for (const [raw, expected] of values) {
    const environment = { ROOKERY_STORE_PASSWORD: String(raw), PW: "from env" };
    const config = load({ environment, readText });
    assert.equal(config.get(store).password?.reveal(), expected);
    const shown = printConfig(config) + JSON.stringify(config.get(store)) + inspect(config.get(store));
    assert.doesNotMatch(shown, new RegExp(expected));
    assert.match(shown, /store\.password = \*/);
  }
  const yaml = { path: "/e/r.yaml", text: "store: { password: { env: PW }, key: k.pem }" };
  const config = load({ file: yaml, environment: { PW: "x" }, readText });
  assert.equal(config.get(store).password?.reveal(), "x");
  assert.equal(config.get(store).key?.reveal(), "from /e/k.pem");
});

test("secret: a refused one is not shown", () => {
  assert.deepEqual(problemsOf({ file: { path: "r.yaml", text: "store: { password: [hush], key: none }" } }), [
    "store.password (r.yaml:1): the value is refused: expected the secret itself, file:PATH or env:NAME",
    'store.key (r.yaml:1): the value is refused (could not read "none" (ENOENT)): expected the path of a readable file',
  ]);
});

test("kinds: text forms are read and printed back", () => {
  const context = { folder: "/", environment: {}, readText: () => "" };
  const durations: [string, number, string][] = [
    ["90s", 90_000, "90s"],
    ["1.5h", 5_400_000, "90m"],
    ["0", 0, "0"],
    ["7d", 604_800_000, "1w"],
  ];
  for (const [raw, value, printed] of durations) {
    assert.equal(duration.parse(raw, context), value);
    assert.equal(duration.print(value), printed);
  }
  const sizes: [string, number, string][] = [
    ["64K", 65_536, "64KiB"],
    ["1GB", 2 ** 30, "1GiB"],
    ["100B", 100, "100B"],
  ];
  for (const [raw, value, printed] of sizes) {
    assert.equal(byteSize.parse(raw, context), value);
    assert.equal(byteSize.print(value), printed);
  }
  for (const raw of ["*:143", "[::1]:993", "localhost:24"]) {
    assert.equal(hostPort.print(hostPort.parse(raw, context)), raw);
  }
  for (const raw of ["", "5", "m", "1y", "-1s", null, {}]) {
    assert.throws(() => duration.parse(raw, context), { name: "InvalidValue" });
  }
  const trusted = networkList.parse("10.0.0.0/8, ::1", context);
  assert.ok(trusted.contains("10.1.2.3") && trusted.contains("::ffff:10.1.2.3") && trusted.contains("::1"));
  assert.ok(!trusted.contains("11.0.0.1") && !trusted.contains("nonsense"));
  assert.throws(() => networkList.parse("10.0.0.0/33", context), {
    message: '"10.0.0.0/33" is not a network',
  });
});

test("configSchema: describes every option and no other", () => {
  const schema = JSON.parse(JSON.stringify(configSchema(groups))) as {
    properties: Record<string, { properties: Record<string, { description: string; default?: unknown }> }>;
  };
  assert.deepEqual(Object.keys(schema.properties), ["imap", "store"]);
  const idle = schema.properties["imap"]?.properties["idle_timeout"];
  assert.equal(idle?.default, "30m");
  assert.match(idle?.description ?? "", /silent.*ROOKERY_IMAP_IDLE_TIMEOUT/);
});
