/**
 * Runs dialogue files: `# why`, then lines of clients and of the server.
 *
 *     C: a NOOP            what a client sends (C1:, C2: with several clients)
 *     S: a OK <any>        what it must get: <any>, <num>, <id> stand for parts that vary
 *     @ mail 3             a directive to the runner's host (prepared state)
 *
 * `\xNN` is a byte, `{{x*70000}}` a repeated text. UPDATE=1 rewrites the server's lines; the diff is reviewed.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** One client's side of a connection, line by line. */
export interface TranscriptPeer {
  send(bytes: Buffer): void;
  /** Undefined when the connection ended. */
  line(): Promise<string | undefined>;
  /** Lines that came and were not read yet. */
  waiting(): readonly string[];
}

export interface TranscriptHost {
  connect(client: string): Promise<TranscriptPeer>;
  /** `@ word …` lines. */
  directive(words: readonly string[]): Promise<void>;
  /** Makes what varies from run to run into patterns, for UPDATE=1. */
  generalize(line: string): string;
}

interface Step {
  readonly kind: "client" | "server" | "directive" | "comment";
  readonly peer: string;
  readonly text: string;
  readonly line: number;
}

export function transcriptFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".txt"))
    .sort()
    .map((name) => join(folder, name));
}

export async function runTranscript(file: string, host: TranscriptHost): Promise<void> {
  const source = readFileSync(file, "utf8");
  const steps = parse(source);
  assert.ok(steps[0]?.kind === "comment", `${file}: the first line must say why`);
  if (process.env["UPDATE"] === "1") await rewrite(file, steps, host);
  else await check(file, steps, host);
}

function parse(source: string): Step[] {
  return source
    .replace(/\n$/, "")
    .split("\n")
    .map((text, index) => {
      const match = /^([CS])(\d*):(?: (.*))?$/s.exec(text);
      const line = index + 1;
      if (match !== null) {
        const kind = match[1] === "C" ? "client" : "server";
        return { kind, peer: match[2] ?? "", text: match[3] ?? "", line };
      }
      return text.startsWith("@ ")
        ? { kind: "directive", peer: "", text: text.slice(2), line }
        : { kind: "comment", peer: "", text, line };
    });
}

async function check(file: string, steps: readonly Step[], host: TranscriptHost): Promise<void> {
  const peers = new Map<string, TranscriptPeer>();
  const peerOf = async (name: string): Promise<TranscriptPeer> => {
    const peer = peers.get(name) ?? (await host.connect(name));
    peers.set(name, peer);
    return peer;
  };
  for (const { kind, peer: name, text, line } of steps) {
    if (kind === "directive") await host.directive(text.split(" "));
    else if (kind === "client") (await peerOf(name)).send(clientBytes(text));
    else if (kind === "server") {
      const got = await (await peerOf(name)).line();
      // Editors strip spaces at line ends, so they do not count.
      const shown = (got ?? "<end>").trimEnd();
      assert.ok(
        patternOf(text).test(shown),
        `${file}:${line}\nexpected S${name}: ${text}\ngot      S${name}: ${shown}`,
      );
    }
  }
  for (const [name, peer] of peers) assert.deepEqual(peer.waiting(), [], `${file}: more lines for S${name}`);
}

/** Sends block by block and writes down all that comes. */
async function rewrite(file: string, steps: readonly Step[], host: TranscriptHost): Promise<void> {
  const peers = new Map<string, TranscriptPeer>();
  const written: string[] = [];
  const oldLines = steps.filter(({ kind }) => kind === "server");
  const collect = async (): Promise<void> => {
    // Only here, never in a check: how long silence has to be cannot be known.
    await new Promise((resolve) => setTimeout(resolve, 150));
    for (const [name, peer] of [...peers].sort(([a], [b]) => (a < b ? -1 : 1))) {
      while (peer.waiting().length > 0) {
        const got = (await peer.line()) ?? "<end>";
        const old = oldLines.find(({ peer: of, text }) => of === name && patternOf(text).test(got));
        written.push(`S${name}: ${old?.text ?? host.generalize(got)}`.trimEnd());
      }
    }
  };
  let pending = false;
  for (const [index, { kind, peer: name, text }] of steps.entries()) {
    if (kind === "server") continue;
    if (pending && kind !== "client") await collect();
    if (kind === "client") {
      const fresh = !peers.has(name);
      if (pending && (fresh || !lastIsClient(written, name))) await collect();
      if (fresh) {
        peers.set(name, await host.connect(name));
        await collect();
      }
      peers.get(name)!.send(clientBytes(text));
      written.push(`C${name}: ${text}`.trimEnd());
      pending = true;
      const next = steps[index + 1];
      if (next?.kind !== "client" || next.peer !== name) await collect();
      continue;
    }
    if (kind === "directive") {
      await host.directive(text.split(" "));
      written.push(`@ ${text}`);
      pending = true;
    } else written.push(text);
  }
  await collect();
  writeFileSync(file, `${written.join("\n")}\n`);
}

function lastIsClient(written: readonly string[], name: string): boolean {
  return written.at(-1)?.startsWith(`C${name}:`) ?? false;
}

function clientBytes(text: string): Buffer {
  const repeated = text.replaceAll(/\{\{(.+?)\*(\d+)\}\}/g, (_, piece: string, times: string) =>
    piece.repeat(Number(times)),
  );
  const bytes = Buffer.from(repeated, "utf8").toString("latin1");
  const escaped = bytes.replaceAll(/\\x([0-9a-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(`${escaped}\r\n`, "latin1");
}

function patternOf(text: string): RegExp {
  const source = text
    .split(/(<any>|<num>|<id>)/)
    .map((piece) => {
      if (piece === "<any>") return ".*";
      if (piece === "<num>") return "\\d+";
      if (piece === "<id>") return "[A-Za-z0-9_.-]+";
      return piece.replaceAll(/[\^$.*+?()[\]{}|\\/-]/g, "\\$&");
    })
    .join("");
  return new RegExp(`^${source}$`, "s");
}
