/** What a server's processes take, from /proc: the process itself and all that it started. */
import { readdirSync, readFileSync } from "node:fs";

/** USER_HZ of Linux on every machine that Node runs on. */
const MS_PER_TICK = 10;
const BYTES_PER_KIB = 1024;

export interface ProcessUse {
  /** User and system time, of ended children too. */
  readonly cpuMs: number;
  /** Shared pages counted once (PSS). */
  readonly memoryBytes: number;
  readonly processes: number;
}

export function processUse(rootPid: number): ProcessUse {
  const children = new Map<number, number[]>();
  const ticks = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const fields = statFields(name);
    if (fields === undefined) continue;
    const parent = Number(fields[1]);
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [Number(name)]);
    else siblings.push(Number(name));
    // utime, stime, cutime, cstime: fields 14 to 17 of proc(5), of which two stand before the state.
    ticks.set(
      Number(name),
      [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0),
    );
  }
  let cpuTicks = 0;
  let memoryBytes = 0;
  let processes = 0;
  const open = [rootPid];
  for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
    cpuTicks += ticks.get(pid) ?? 0;
    memoryBytes += pssBytes(pid);
    processes++;
    open.push(...(children.get(pid) ?? []));
  }
  return { cpuMs: cpuTicks * MS_PER_TICK, memoryBytes, processes };
}

/** From the state on; the name before it may hold anything. */
function statFields(pid: string): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

function pssBytes(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
    return Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0) * BYTES_PER_KIB;
  } catch {
    return 0;
  }
}
