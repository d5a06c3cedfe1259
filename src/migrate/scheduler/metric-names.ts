/**
 * `GET /metrics` and `GET /metrics/{name}` (S4.81). The names of the framework's metrics that mean something outside a
 * Java machine lead to ours (S4.82); all others have their own names with dots: rookery.http.request.seconds.
 */
import type { MetricFamily } from "../../base/metrics.ts";

interface Measurement {
  readonly statistic: string;
  readonly value: number;
}

export interface MetricAnswer {
  readonly name: string;
  readonly measurements: readonly Measurement[];
  readonly availableTags: readonly { readonly tag: string; readonly values: readonly string[] }[];
  readonly description: string;
  readonly baseUnit: string | null;
}

export interface ProcessFigures {
  readonly uptimeSeconds: number;
  readonly cpuCount: number;
  readonly loadAverage1m: number;
}

/** The framework's name → family that collects the same. */
const FAMILY_OF: Readonly<Record<string, string>> = {
  "http.server.requests": "rookery_http_request_seconds",
  "process.cpu.usage": "process_cpu_seconds_total",
  "process.files.max": "process_max_fds",
  "process.files.open": "process_open_fds",
  "process.start.time": "process_start_time_seconds",
};

export function metricNames(families: readonly MetricFamily[]): string[] {
  const known = new Set(families.map(({ name }) => name));
  const aliases = Object.entries(FAMILY_OF)
    .filter(([, family]) => known.has(family))
    .map(([alias]) => alias);
  return [...aliases, ...Object.keys(FIGURES), ...families.map(({ name }) => dotted(name))].sort();
}

/** @param tags `tag=NAME:VALUE` of the query, all of which must fit */
export function findMetric(
  name: string,
  families: readonly MetricFamily[],
  figures: ProcessFigures,
  tags: readonly string[] = [],
): MetricAnswer | undefined {
  const figure = FIGURES[name];
  if (figure !== undefined) {
    const measurements = [{ statistic: "VALUE", value: figure.read(figures) }];
    return {
      name,
      measurements,
      availableTags: [],
      description: figure.description,
      baseUnit: figure.baseUnit,
    };
  }
  const family = families.find((one) => one.name === FAMILY_OF[name] || dotted(one.name) === name);
  if (family === undefined) return undefined;
  const wanted = tags
    .map((tag) => tag.split(":"))
    .map(([tag = "", ...value]) => [tag, value.join(":")] as const);
  const values = family.values.filter(({ labels }) => wanted.every(([tag, value]) => labels[tag] === value));
  return {
    name,
    measurements: measurementsOf(values),
    availableTags: tagsOf(values),
    description: family.help,
    baseUnit: /_seconds(_total)?$/.test(family.name)
      ? "seconds"
      : family.name.endsWith("_bytes")
        ? "bytes"
        : null,
  };
}

const FIGURES: Readonly<
  Record<
    string,
    {
      readonly description: string;
      readonly baseUnit: string | null;
      readonly read: (from: ProcessFigures) => number;
    }
  >
> = {
  "process.uptime": {
    description: "The uptime of the process",
    baseUnit: "seconds",
    read: ({ uptimeSeconds }) => uptimeSeconds,
  },
  "system.cpu.count": {
    description: "The number of processors that the process may use",
    baseUnit: null,
    read: ({ cpuCount }) => cpuCount,
  },
  "system.load.average.1m": {
    description: "The load of the machine over the last minute",
    baseUnit: null,
    read: ({ loadAverage1m }) => loadAverage1m,
  },
};

function measurementsOf(values: MetricFamily["values"]): Measurement[] {
  const sum = (part: string): number =>
    values.filter((one) => one.part === part).reduce((total, { value }) => total + value, 0);
  if (values.some(({ part }) => part === "count")) {
    return [
      { statistic: "COUNT", value: sum("count") },
      { statistic: "TOTAL_TIME", value: sum("sum") },
    ];
  }
  return [{ statistic: "VALUE", value: sum("") }];
}

function tagsOf(values: MetricFamily["values"]): MetricAnswer["availableTags"] {
  const found = new Map<string, Set<string>>();
  for (const { labels } of values) {
    for (const [tag, value] of Object.entries(labels)) {
      // The bounds of a histogram's buckets are no tags.
      if (tag !== "le") found.set(tag, (found.get(tag) ?? new Set()).add(value));
    }
  }
  return [...found].map(([tag, of]) => ({ tag, values: [...of] }));
}

function dotted(name: string): string {
  return name.replaceAll("_", ".");
}
