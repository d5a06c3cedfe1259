/**
 * What a real process asks of the kernel when it delivers one message: the body is written and synced before the
 * index commit is, and that is synced before the answer leaves. A missing or misplaced sync shows here.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { cliPath } from "../support/run-cli.ts";
import { MARKER } from "./store-messages.ts";

interface Call {
  readonly name: string;
  readonly path: string;
  /** Lines of the trace at which it began and had ended. */
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

function traced(out: string, ...command: readonly string[]): Call[] {
  const run = spawnSync("strace", ["-f", "-y", "-s", "4096", "-e", `trace=${CALLS}`, "-o", out, ...command], {
    encoding: "utf8",
  });
  assert.equal(run.status, 0, run.stderr);
  return parseTrace(readFileSync(out, "utf8"));
}

const CALLS =
  "write,pwrite64,writev,pwritev,pwritev2,fsync,fdatasync,openat,mkdir,rename,renameat2,unlink,ftruncate,io_uring_enter";

/** Reads `strace -f -y`: "PID name(FD</path>, …) = n", or "… <unfinished ...>" and later "<... name resumed> … = n". */
function parseTrace(text: string): Call[] {
  const calls: Call[] = [];
  const open = new Map<string, { name: string; path: string; from: number; text: string }>();
  for (const [at, line] of text.split("\n").entries()) {
    const resumed = /^(\d+) +<\.\.\. (\w+) resumed>(.*)$/.exec(line);
    const begun = /^(\d+) +(\w+)\((?:AT_FDCWD(?:<[^>]*>)?, )?(?:\d+<([^>]*)>|"([^"]*)")?(.*)$/.exec(line);
    if (resumed !== null) {
      const call = open.get(resumed[1] ?? "");
      open.delete(resumed[1] ?? "");
      if (call !== undefined) calls.push({ ...call, to: at, text: call.text + line });
    } else if (begun !== null) {
      const call = { name: begun[2] ?? "", path: begun[3] ?? begun[4] ?? "", from: at, text: line };
      if (line.includes("<unfinished ...>")) open.set(begun[1] ?? "", call);
      else calls.push({ ...call, to: at });
    }
  }
  return calls;
}

const isWrite = (call: Call) => /^p?write/.test(call.name);
const isSync = (call: Call) => call.name === "fsync" || call.name === "fdatasync";

const haveStrace = spawnSync("strace", ["-V"]).status === 0;

test(
  "a delivery syncs the body, then the index, then answers",
  { skip: haveStrace ? false : "strace is not installed" },
  () => {
    const folder = mkdtempSync(join(tmpdir(), "rookery-strace-"));
    try {
      const data = join(folder, "data");
      const out = join(folder, "trace");
      const child = join(import.meta.dirname, "store-child.ts");
      const calls = traced(out, process.execPath, child, "deliver-one", data);
      const index = (found: number, what: string) => {
        assert.ok(found >= 0, `the trace has no ${what}`);
        return calls[found] as Call;
      };
      const body = index(
        calls.findIndex((call) => isWrite(call) && call.path.endsWith(".seg") && call.text.includes(MARKER)),
        "write of the body to a segment",
      );
      const answer = index(
        calls.findIndex((call) => isWrite(call) && call.text.includes('"ACK ')),
        "answer",
      );
      const bodySync = index(
        calls.findIndex((call) => isSync(call) && call.path === body.path && call.from > body.to),
        "sync of the segment after the body",
      );
      const commit = calls.filter(
        (call) => isWrite(call) && call.path.endsWith("-wal") && call.from > body.to && call.to < answer.from,
      );
      const firstFrame = index(calls.indexOf(commit[0] as Call), "WAL write between body and answer");
      const lastFrame = index(calls.indexOf(commit.at(-1) as Call), "WAL write between body and answer");
      const commitSync = index(
        calls.findIndex((call) => isSync(call) && call.path === lastFrame.path && call.from > lastFrame.to),
        "sync of the WAL after its last frame",
      );
      assert.ok(bodySync.to < firstFrame.from, "the commit began before the body was synced");
      assert.ok(commitSync.to < answer.from, "the answer left before the commit was synced");

      // The names on the way to the segment are durable before the answer, too.
      const segmentCreate = calls.find(
        (call) => call.name === "openat" && call.text.includes("O_CREAT") && call.text.includes(".seg"),
      );
      assert.ok(segmentCreate !== undefined, "the trace has no creation of the segment");
      for (let path = join(body.path, ".."); path.startsWith(folder); path = join(path, "..")) {
        const synced = calls.some((call) => isSync(call) && call.path === path && call.to < answer.from);
        assert.ok(synced, `the folder ${path.slice(folder.length)} was not synced before the answer`);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

test(
  "a backup that says it is done is on disk, names included",
  { skip: haveStrace ? false : "strace is not installed" },
  () => {
    const folder = mkdtempSync(join(tmpdir(), "rookery-strace-"));
    try {
      const data = join(folder, "data");
      const target = join(folder, "backup");
      const child = join(import.meta.dirname, "store-child.ts");
      const made = spawnSync(process.execPath, [child, "deliver-one", data], { encoding: "utf8" });
      assert.equal(made.status, 0, made.stderr);
      const calls = traced(
        join(folder, "trace"),
        process.execPath,
        cliPath,
        "backup",
        target,
        "--copy",
        "--data",
        data,
      );
      const inTarget = calls.filter((call) => call.path.startsWith(target));
      // New name of what was written under another one.
      const renames = new Map(
        inTarget.filter((call) => call.name.startsWith("rename")).map((call) => [call.path, call]),
      );
      const written = new Set(inTarget.filter(isWrite).map((call) => call.path));
      let checked = 0;
      for (const path of written) {
        const renamed = renames.get(path);
        if (renamed === undefined && !existsSync(path)) continue;
        checked += 1;
        const last = inTarget.findLast((call) => isWrite(call) && call.path === path)!;
        const named =
          renamed ?? inTarget.findLast((call) => call.path === path && call.text.includes("O_CREAT"))!;
        const name = path.slice(target.length);
        assert.ok(
          inTarget.some((call) => isSync(call) && call.path === path && call.from > last.to),
          `${name} was not synced after its last write`,
        );
        for (let above = dirname(path); above.startsWith(target); above = dirname(above)) {
          assert.ok(
            inTarget.some((call) => isSync(call) && call.path === above && call.from > named.to),
            `a folder above ${name} was not synced after the name was there`,
          );
        }
      }
      assert.ok(checked >= 3, `the trace has only ${checked} files of the backup`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
