/**
 * Prometheus metrics. Rooms make theirs through `room`, so that each is called `rookery_<room>_<name>`.
 * On hot paths take the labelled child once (`counter.labels("FETCH")`) and count on that.
 */
import {
  collectDefaultMetrics,
  Counter,
  Gauge,
  Histogram,
  type Metric,
  prometheusContentType,
  Registry,
} from "prom-client";
import { assert } from "./assert.ts";

export type { Counter, Gauge, Histogram };

/** Seconds: from a cached answer to a stuck disk. */
export const LATENCY_BUCKETS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly values: readonly {
    readonly part: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number;
  }[];
}

export class Metrics {
  readonly contentType = prometheusContentType;
  readonly #registry = new Registry();

  room(name: string): RoomMetrics {
    assert(/^[a-z][a-z0-9]*$/.test(name), `metrics room "${name}" is not one lower-case word`);
    return new RoomMetrics(this.#registry, `rookery_${name}_`);
  }

  /** Memory, CPU, garbage collection and event-loop delay of the process; once per process, not in simulations. */
  collectProcess(): void {
    collectDefaultMetrics({ register: this.#registry });
  }

  /** The text that Prometheus scrapes. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Every metric with its values, for readers of other formats. */
  async families(): Promise<readonly MetricFamily[]> {
    return (await this.#registry.getMetricsAsJSON()).map(({ name, help, values }) => ({
      name,
      help,
      values: values.map((value) => ({
        // A histogram's parts have names of their own: _bucket, _sum, _count.
        part: "metricName" in value ? String(value.metricName).slice(name.length + 1) : "",
        labels: Object.fromEntries(
          Object.entries(value.labels).map(([label, text]) => [label, String(text)]),
        ),
        value: value.value,
      })),
    }));
  }

  /** The sum over all labels of a counter or gauge; undefined when nobody made it. For tests and the dashboard. */
  async value(name: string): Promise<number | undefined> {
    const metric = await this.#registry.getSingleMetric(name)?.get();
    return metric?.values.reduce((sum, { value }) => sum + value, 0);
  }
}

/** Asking twice for one name gives the same metric: several listeners of a room share theirs. */
export class RoomMetrics {
  readonly #registry: Registry;
  readonly #prefix: string;

  constructor(registry: Registry, prefix: string) {
    this.#registry = registry;
    this.#prefix = prefix;
  }

  /** @param name ends in `_total` */
  counter<const Label extends string = never>(
    name: string,
    help: string,
    labelNames: readonly Label[] = [],
  ): Counter<Label> {
    assert(name.endsWith("_total"), `counter "${name}" does not end in _total`);
    return this.#once(
      name,
      (full) => new Counter({ name: full, help, labelNames, registers: [this.#registry] }),
    );
  }

  labelledGauge<const Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
  ): Gauge<Label> {
    return this.#once(
      name,
      (full) => new Gauge({ name: full, help, labelNames, registers: [this.#registry] }),
    );
  }

  /** @param read when given, is asked at each scrape */
  gauge(name: string, help: string, read?: () => number): Gauge {
    return this.#once(name, (full) => {
      const collect =
        read === undefined
          ? {}
          : {
              collect(this: Gauge) {
                this.set(read());
              },
            };
      return new Gauge({ name: full, help, registers: [this.#registry], ...collect });
    });
  }

  /** One value for each of things that come and go. @param read is asked at each scrape: [value of the label, value] */
  gaugeByLabel<const Label extends string>(
    name: string,
    help: string,
    label: Label,
    read: () => Iterable<readonly [string, number]>,
  ): Gauge<Label> {
    return this.#once(
      name,
      (full) =>
        new Gauge<Label>({
          name: full,
          help,
          labelNames: [label],
          registers: [this.#registry],
          collect() {
            this.reset();
            for (const [of, value] of read()) this.labels(of).set(value);
          },
        }),
    );
  }

  /** @param name ends in the unit: `_seconds`, `_bytes` */
  histogram<const Label extends string = never>(
    name: string,
    help: string,
    labelNames: readonly Label[] = [],
    buckets: readonly number[] = LATENCY_BUCKETS,
  ): Histogram<Label> {
    assert(/_(seconds|bytes|messages|items)$/.test(name), `histogram "${name}" does not end in its unit`);
    return this.#once(
      name,
      (full) =>
        new Histogram({ name: full, help, labelNames, buckets: [...buckets], registers: [this.#registry] }),
    );
  }

  #once<Made extends Metric>(name: string, make: (full: string) => Made): Made {
    const full = this.#prefix + name;
    // A name is made by one room with one type; asking with another type would fail in that room's first test.
    return (this.#registry.getSingleMetric(full) as Made | undefined) ?? make(full);
  }
}
