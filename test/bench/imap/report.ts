/** Prints the rows: ratio first. */
import type { ProcessUse } from "./process-use.ts";
import type { Sample } from "./sample.ts";
import type { Scenario } from "./scenario.ts";
import { SYNCING_DOVECOT } from "./servers.ts";

export interface Measured {
  readonly sample: Sample;
  /** Of the server, over the run. */
  readonly cpuMs: number;
  readonly before: ProcessUse;
  readonly after: ProcessUse;
  readonly loopDelayMs: number | undefined;
}

export type Results = ReadonlyMap<string, readonly (Measured | { readonly error: string })[]>;

/** The lines of one row: a heading with the ratio, then one line for each server. */
export function rowLines(scenario: Scenario, results: Results): string[] {
  const value = (name: string): number | undefined => headline(scenario, results.get(name) ?? []);
  const mine = value("rookery");
  const peers = [...results.keys()]
    .filter((name) => name !== "rookery" && name !== SYNCING_DOVECOT)
    .map(value);
  const others = peers.filter((one) => one !== undefined);
  const lines = [`${ratioText(scenario, mine, others)}  ${scenario.row}: ${scenario.title}`];
  for (const [name, runs] of results) lines.push(`        ${serverLine(scenario, name, runs)}`);
  return lines;
}

/** Rookery's rate by the better peer's; over 1 is faster, or smaller. */
function ratioText(scenario: Scenario, mine: number | undefined, peers: readonly number[]): string {
  if (mine === undefined || peers.length === 0) return "   -   ";
  const ratio = scenario.shows === "rate" ? mine / Math.max(...peers) : Math.min(...peers) / mine;
  const mark = ratio >= scenario.goal ? " " : "<";
  return `${ratio.toFixed(2).padStart(6)}${mark}${scenario.goal > 1 ? `(${scenario.goal})` : ""}`;
}

/** Median over the rounds: operations a second, milliseconds, or KiB a connection. */
function headline(
  scenario: Scenario,
  runs: readonly (Measured | { readonly error: string })[],
): number | undefined {
  const values = runs.flatMap((run) => ("error" in run ? [] : [figure(scenario, run)]));
  return values.length === 0 ? undefined : median(values);
}

function figure(scenario: Scenario, { sample, before, after }: Measured): number {
  if (scenario.shows === "rate") return (sample.operations / sample.elapsedMs) * 1000;
  if (scenario.shows === "time") return sample.p50Ms;
  return Math.max(0.1, (after.memoryBytes - before.memoryBytes) / 1024 / sample.operations);
}

function serverLine(
  scenario: Scenario,
  name: string,
  runs: readonly (Measured | { readonly error: string })[],
): string {
  const good = runs.flatMap((run) => ("error" in run ? [] : [run]));
  const failed = runs.find((run) => "error" in run);
  if (good.length === 0) return `${name.padEnd(8)} failed: ${failed?.error ?? "not run"}`;
  const values = good.map((run) => figure(scenario, run)).toSorted((one, other) => one - other);
  const of = (pick: (run: Measured) => number): number => median(good.map(pick));
  const unit = { rate: "/s", time: "ms", memory: "KiB" }[scenario.shows];
  const delays = good.flatMap(({ loopDelayMs }) => (loopDelayMs === undefined ? [] : [loopDelayMs]));
  return [
    name.padEnd(8),
    `${number(median(values))} ${unit}`.padStart(14),
    `[${number(values[0] ?? 0)}–${number(values.at(-1) ?? 0)}]`.padEnd(18),
    `p50 ${number(of(({ sample }) => sample.p50Ms))} ms`.padEnd(13),
    `p99 ${number(of(({ sample }) => sample.p99Ms))} ms`.padEnd(14),
    `CPU ${number(of(({ cpuMs, sample }) => cpuMs / sample.operations))} ms/op`.padEnd(18),
    `${number(of(({ after }) => after.memoryBytes / 2 ** 20))} MiB`.padEnd(10),
    delays.length === 0 ? "" : `loop p99 ${number(median(delays))} ms`,
    good[0]?.sample.note ?? "",
    failed === undefined ? "" : `(a run failed: ${failed.error})`,
  ]
    .join(" ")
    .trimEnd();
}

/** Three digits that count. */
function number(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toPrecision(2);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2;
}
