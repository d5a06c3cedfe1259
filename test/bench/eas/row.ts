/** What a row measures of a server, and how it is printed: the ratio to SOGo first, the goals of Rookery named. */
import type { EasServer } from "./servers.ts";

export interface Figure {
  /** Items a second, milliseconds or KiB. */
  readonly value: number;
  readonly unit: "items/s" | "ms" | "KiB";
  /** Further words. */
  readonly more: string;
  /** Server processes over the measured stretch; undefined where it says nothing. */
  readonly cpuMs?: number;
}

export interface Row {
  readonly name: string;
  readonly title: string;
  /** By the server's name, in the row's unit. */
  readonly goals: Readonly<Record<string, number>>;
  /** Of one measurement of one server; then its devices are closed and the line says so. */
  readonly limitMs: number;
  /** Undefined where the row does not ask this server. */
  measure(server: EasServer): Promise<Figure | undefined>;
}

export type Measured = ReadonlyMap<string, readonly (Figure | { readonly error: string })[]>;

const PEER = "sogo";

export function rowLines(row: Row, measured: Measured): string[] {
  const lines = [`${row.name}: ${row.title}`];
  const peer = median(good(measured.get(PEER) ?? []));
  for (const [name, figures] of measured) {
    const best = median(good(figures));
    const failed = figures.find((figure) => "error" in figure);
    if (best === undefined) {
      if (failed !== undefined) lines.push(`    -      ${name.padEnd(8)} ${failed.error}`);
      continue;
    }
    const failure = failed === undefined ? "" : `; once: ${failed.error}`;
    lines.push(`${ratioText(name, best, peer)} ${name.padEnd(8)} ${figureText(row, name, best)}${failure}`);
  }
  return lines;
}

function figureText({ goals }: Row, name: string, { value, unit, more, cpuMs }: Figure): string {
  const goal = goals[name];
  const missed = goal !== undefined && (unit === "items/s" ? value < goal : value > goal);
  const goalText = goal === undefined ? "" : ` (goal ${goal}${missed ? ", MISSED" : ""})`;
  const cpu = cpuMs === undefined ? "" : `, CPU ${cpuMs.toFixed(0)} ms`;
  return `${number(value)} ${unit}${goalText}; ${more}${cpu}`;
}

/** Over 1: better than SOGo. */
function ratioText(name: string, { value, unit }: Figure, peer: Figure | undefined): string {
  if (peer === undefined || name === PEER) return " ".repeat(10);
  // Less than can be measured.
  const floor = unit === "KiB" ? 1 : 0.01;
  const ratio = unit === "items/s" ? value / peer.value : peer.value / Math.max(value, floor);
  return `${number(ratio).padStart(8)}x `;
}

function number(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function good(figures: readonly (Figure | { readonly error: string })[]): Figure[] {
  return figures.flatMap((figure) => ("error" in figure ? [] : [figure]));
}

function median(figures: readonly Figure[]): Figure | undefined {
  const sorted = figures.toSorted((a, b) => a.value - b.value);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}
