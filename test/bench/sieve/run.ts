/**
 * Deliveries a second over LMTP, to users without a script and to users with one of forty rules, in alternating rounds;
 * Rookery first, then Dovecot with Pigeonhole, in the same run with the same load.
 */
import assert from "node:assert/strict";
import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { systemNetwork } from "../../../src/base/io/system-network.ts";
import { LmtpClient } from "../../../src/lmtp/client.ts";
import { ManagesieveTalk } from "../../support/managesieve-talk.ts";
import { startDovecot } from "../../support/peers/dovecot.ts";
import { VMAIL_UID } from "../../support/peers/namespace.ts";
import { startUp } from "../../support/running-node.ts";
import { fortyRules } from "./script.ts";

export interface SieveBenchOptions {
  readonly rounds: number;
  readonly small: boolean;
  /** Names; empty = all. */
  readonly servers: readonly string[];
}

interface Server {
  readonly name: string;
  readonly lmtp: { readonly host: string; readonly port: number };
  readonly addressSuffix: string;
  /** What it wrote to its log so far. */
  log(): string;
  stop(): Promise<unknown>;
}

/** `rookery up` makes them. */
const PLAIN_USER = "alice";
const SCRIPT_USER = "bob";
const PASSWORD = "secret";
const CONNECTIONS = 8;
const ROUND_MS = 4_000;
const SMALL_ROUND_MS = 1_000;
const BODY_BYTES = 4_096;
const SHOWN_LOG_CHARS = 2_000;
/** With a script, of what there is without one. */
const KEPT_GOAL = 0.8;
const PEER_GOAL = 3;

let number = 0;

const starters: Readonly<Record<string, (folder: string) => Promise<Server>>> = {
  rookery: async (folder) => {
    const node = await startUp(join(folder, "data"), ["--password", PASSWORD]);
    const talk = await ManagesieveTalk.login(node.endpoint("managesieve"), SCRIPT_USER, PASSWORD);
    assert.match(await talk.putScript("main", fortyRules()), /^OK/);
    assert.match(await talk.say('SETACTIVE "main"'), /^OK/);
    await talk.say("LOGOUT");
    return {
      name: "rookery",
      lmtp: node.endpoint("lmtp"),
      addressSuffix: "@example.test",
      log: () => node.log.join("\n"),
      stop: () => node.stop(),
    };
  },
  dovecot: async (folder) => {
    const peer = await startDovecot({
      folder,
      users: { [PLAIN_USER]: PASSWORD, [SCRIPT_USER]: PASSWORD },
      settings:
        "protocol lmtp {\n  mail_plugins = sieve\n}\nlda_mailbox_autocreate = yes\n" +
        "plugin {\n  sieve = file:~/sieve;active=~/active.sieve\n}\n",
    });
    const home = join(folder, "mail", SCRIPT_USER);
    mkdirSync(home, { recursive: true });
    const script = join(home, "active.sieve");
    writeFileSync(script, fortyRules());
    for (const path of [home, script]) chownSync(path, VMAIL_UID, VMAIL_UID);
    return {
      name: "dovecot",
      lmtp: { host: peer.host, port: peer.ports["lmtp"] ?? 0 },
      addressSuffix: "",
      log: () => readFileSync(join(folder, "dovecot.log"), "utf8"),
      stop: () => peer.stop(),
    };
  },
};

export async function runSieveBench(options: SieveBenchOptions): Promise<void> {
  const names = options.servers.length === 0 ? Object.keys(starters) : options.servers;
  const ms = options.small ? SMALL_ROUND_MS : ROUND_MS;
  console.log(`load ${loadavg()[0]?.toFixed(2)}, ${CONNECTIONS} connections, ${BODY_BYTES} bytes a message`);
  const rates = new Map<string, { readonly plain: number; readonly script: number }>();
  for (const name of names) {
    const start = starters[name];
    if (start === undefined) throw new Error(`there is no server "${name}"`);
    const folder = mkdtempSync(join(tmpdir(), "rk-bench-"));
    const server = await start(folder);
    try {
      rates.set(name, await measure(server, options.rounds, ms));
    } catch (cause) {
      throw new Error(`${name} broke off; its log ends with\n${server.log().slice(-SHOWN_LOG_CHARS)}`, {
        cause,
      });
    } finally {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const mine = rates.get("rookery");
  for (const [name, { plain, script }] of rates) {
    const kept = script / plain;
    const goal = name === "rookery" && kept < KEPT_GOAL ? ` < ${KEPT_GOAL}` : "";
    console.log(
      `${name.padEnd(8)} no script ${plain.toFixed(0).padStart(6)}/s   40 rules ${script.toFixed(0).padStart(6)}/s   kept ${kept.toFixed(2)}${goal}`,
    );
    if (mine !== undefined && name !== "rookery") {
      const ratio = mine.script / script;
      console.log(
        `${ratio.toFixed(2)}${ratio < PEER_GOAL ? " <" : " "} (${PEER_GOAL})  deliveries with 40 rules, by ${name}'s`,
      );
    }
  }
}

/** Medians over rounds that take turns, so that a noisy neighbour meets both. The first round of each is not counted. */
async function measure(
  server: Server,
  rounds: number,
  ms: number,
): Promise<{ readonly plain: number; readonly script: number }> {
  const plain: number[] = [];
  const script: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const pair = [await rate(server, PLAIN_USER, ms), await rate(server, SCRIPT_USER, ms)];
    if (round === 0) continue;
    plain.push(pair[0] ?? 0);
    script.push(pair[1] ?? 0);
  }
  return { plain: median(plain), script: median(script) };
}

async function rate(server: Server, user: string, ms: number): Promise<number> {
  const { host, port } = server.lmtp;
  const clients = await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const client = new LmtpClient(await systemNetwork.connect({ host, port }));
      await client.open("bench.test");
      return client;
    }),
  );
  let done = 0;
  const startMs = performance.now();
  await Promise.all(
    clients.map(async (client) => {
      while (performance.now() - startMs < ms) {
        const { accepted } = await client.send({
          sender: "ann@remote.test",
          recipients: [`${user}${server.addressSuffix}`],
          body: message(),
        });
        assert.equal(accepted, 1, `${server.name} refused a message`);
        done += 1;
      }
    }),
  );
  const seconds = (performance.now() - startMs) / 1000;
  await Promise.all(clients.map((client) => client.quit()));
  return done / seconds;
}

function message(): Buffer {
  number += 1;
  const head =
    `Received: from mx.remote.test by mx.example.test with ESMTP id ${number}; Thu, 1 Jan 2026 00:00:00 +0000\r\n` +
    `From: Ann <ann@remote.test>\r\nTo: Somebody <somebody@example.test>\r\nSubject: Number ${number}\r\n` +
    `Date: Thu, 1 Jan 2026 00:00:00 +0000\r\nMessage-ID: <${number}@remote.test>\r\nContent-Type: text/plain\r\n\r\n`;
  const body = Buffer.alloc(BODY_BYTES, "All work and no play makes the filter slow at last.\r\n");
  body.write(head);
  body.write("\r\n", BODY_BYTES - 2);
  return body;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
