/**
 * Crashes a store between any two disk writes and looks at what is left.
 *
 * Every seed is one workload with several crashes in it: at a random operation of the simulated disk, or inside the
 * commits of the index database. After each, nothing acknowledged may be missing, changed or back.
 */
import { describe, test } from "node:test";
import { FAILING_SEEDS } from "./failing-seeds.ts";
import { SimRandom } from "./sim-random.ts";
import { SimulatedStore } from "./simulated-store.ts";
import { StoreModel } from "./store-model.ts";
import { verifyByCheck, verifyStore } from "./store-verify.ts";
import { Workload } from "./store-workload.ts";

const LONG = process.env["ROOKERY_LONG"] === "1";
const SEEDS = LONG ? 2000 : 60;
const CRASHES_PER_SEED = 6;
/** Share of crashes after which the whole store is checked. */
const CHECKED_CRASHES = 0.2;
const STEPS_BETWEEN_CRASHES = 8;
/** A step does a handful of disk operations: crashes fall everywhere between two of them. */
const MAX_OPERATIONS_TO_CRASH = 40;

async function runSeed(seed: number): Promise<void> {
  const random = new SimRandom(seed);
  const simulated = new SimulatedStore(seed);
  const model = new StoreModel();
  const crashed = () => simulated.disk.crashed;
  try {
    await simulated.open();
    for (let crash = 0; crash < CRASHES_PER_SEED; crash += 1) {
      const inIndex = random.chance(0.4);
      const workload = new Workload(simulated.store, model, random, crashed);
      if (!inIndex) {
        simulated.disk.crashAtOperation =
          simulated.disk.operations + 1 + random.below(MAX_OPERATIONS_TO_CRASH);
      }
      const steps = 1 + random.below(STEPS_BETWEEN_CRASHES);
      for (let step = 0; step < steps && !crashed(); step += 1) {
        simulated.clock.advance(random.below(5000));
        if (inIndex && step === steps - 1) {
          const before = simulated.files();
          await workload.step(() => simulated.crashInIndex(before));
        } else {
          await workload.step();
        }
      }
      simulated.disk.crash();
      await simulated.restart();
      await verifyStore(simulated.store, model);
      if (random.chance(CHECKED_CRASHES)) await verifyByCheck(simulated.store);
    }
    // And it goes on working: UIDs and modseqs of new messages are above all acknowledged ones.
    const workload = new Workload(simulated.store, model, random, crashed);
    for (let step = 0; step < 3; step += 1) await workload.step();
    await verifyStore(simulated.store, model);
    await verifyByCheck(simulated.store);
  } catch (error) {
    const trace = simulated.disk.trace
      .slice(-12)
      .map(
        (entry) =>
          `${entry.operation} ${entry.kind} ${entry.path.split("/").slice(-2).join("/")} ${entry.detail}`,
      );
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`seed ${seed} (add it to failing-seeds.ts): ${why}\nlast on disk:\n${trace.join("\n")}`, {
      cause: error,
    });
  } finally {
    await simulated.dispose();
  }
}

describe("store under crashes", () => {
  for (const { seed, broke } of FAILING_SEEDS) {
    test(`seed ${seed}: ${broke}`, () => runSeed(seed));
  }
  const GROUPS = 10;
  for (let group = 0; group < GROUPS; group += 1) {
    const from = (group * SEEDS) / GROUPS;
    const to = ((group + 1) * SEEDS) / GROUPS;
    test(`seeds ${from} to ${to - 1}: nothing acknowledged is lost`, async () => {
      for (let seed = from; seed < to; seed += 1) await runSeed(seed);
    });
  }
});
