/** Times of one run, and the two loops that produce them. */

export interface Sample {
  readonly operations: number;
  readonly elapsedMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Shown behind the row, e.g. how many messages a search found. */
  readonly note?: string;
}

export function toSample(
  timesMs: readonly number[],
  elapsedMs: number,
  perOperation = 1,
  note?: string,
): Sample {
  const sorted = Float64Array.from(timesMs).sort();
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
  return {
    operations: timesMs.length * perOperation,
    elapsedMs,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    ...(note === undefined ? {} : { note }),
  };
}

/**
 * Every worker repeats `step` until the time is over; then the last steps finish.
 * @param perOperation how many operations one step is
 */
export async function loopFor(
  durationMs: number,
  workers: readonly (() => Promise<unknown>)[],
  perOperation = 1,
): Promise<Sample> {
  const timesMs: number[] = [];
  const start = performance.now();
  const end = start + durationMs;
  await Promise.all(
    workers.map(async (step) => {
      for (let from = performance.now(); from < end;) {
        await step();
        const now = performance.now();
        timesMs.push(now - from);
        from = now;
      }
    }),
  );
  return toSample(timesMs, performance.now() - start, perOperation);
}

/** One after the other; only the steps' own time counts, not what `between` does. */
export async function repeat(
  count: number,
  step: (index: number) => Promise<unknown>,
  between: (index: number) => Promise<unknown> = () => Promise.resolve(),
): Promise<Sample> {
  const timesMs: number[] = [];
  let total = 0;
  for (let index = 0; index < count; index++) {
    const from = performance.now();
    await step(index);
    const took = performance.now() - from;
    timesMs.push(took);
    total += took;
    await between(index);
  }
  return toSample(timesMs, total);
}
