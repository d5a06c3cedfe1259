import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { LEAN_FLAGS, leanStore, shouldBeLean } from "./lean-process.ts";
import { servesMail } from "./node-options.ts";

const PLAIN = { execArgv: [], nodeOptions: undefined, hasChannel: false };

test("lean process: workers are, unless they serve mail, too, or the operator has said what they may take", () => {
  assert.equal(shouldBeLean(["worker"], false, PLAIN), true);
  assert.equal(shouldBeLean(["store", "scheduler", "worker"], false, PLAIN), true);
  assert.equal(shouldBeLean(["store", "scheduler", "worker"], true, PLAIN), false);
  assert.equal(shouldBeLean(["store", "eas"], true, PLAIN), false);
  assert.equal(shouldBeLean(["worker"], false, { ...PLAIN, execArgv: ["--max-semi-space-size=8"] }), false);
  assert.equal(
    shouldBeLean(["worker"], false, { ...PLAIN, nodeOptions: "--max_old_space_size=4096" }),
    false,
  );
  assert.equal(shouldBeLean(["worker"], false, { ...PLAIN, hasChannel: true }), false);
});

test("lean process: its store keeps fewer pages of the index", () => {
  assert.equal(leanStore(["--inspect", ...LEAN_FLAGS]).indexCacheBytes, 4 * 2 ** 20);
  assert.deepEqual(leanStore([]), {});
});

test("lean process: it begins anew once, as the same process with the same arguments and input", async () => {
  const program = `
    const { beginLean } = await import(${JSON.stringify(new URL("lean-process.ts", import.meta.url).href)});
    beginLean(["worker"], false);
    const { getHeapStatistics } = await import("node:v8");
    let input = "";
    for await (const chunk of process.stdin) input += chunk;
    const { heap_size_limit: limit } = getHeapStatistics();
    console.log(JSON.stringify({ pid: process.pid, argv: process.argv.slice(1), input, isLow: limit < 1200 * 2 ** 20 }));
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program, "serve", "--role=worker"], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  child.stdin.end("said");
  const [output] = await Promise.all([text(child.stdout), once(child, "exit")]);
  assert.deepEqual(JSON.parse(output), {
    pid: child.pid,
    argv: ["serve", "--role=worker"],
    input: "said",
    isLow: true,
  });
});

test("lean process: a store without listeners serves no mail, one with LMTP alone does", () => {
  const listeners = { imap: [], lmtp: [], http: ["*:8082"], https: ["*:8443"], scheduler: ["*:8443"] };
  assert.equal(servesMail(["store", "scheduler", "worker"], listeners), false);
  assert.equal(servesMail(["worker"], { ...listeners, imap: ["*:143"] }), false);
  assert.equal(servesMail(["store", "worker"], { ...listeners, lmtp: ["*:24"] }), true);
  assert.equal(servesMail(["store", "eas", "worker"], listeners), true);
});
