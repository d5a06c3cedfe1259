/** A phone's picture of a mailbox after any history equals the mailbox. */
import { describe, test } from "node:test";
import { EasTrial } from "../support/eas-trial.ts";
import { EasWorld } from "./eas-world.ts";
import { SimRandom } from "./sim-random.ts";

const LONG = process.env["ROOKERY_LONG"] === "1";
const STEPS = LONG ? 10_000 : 500;
/** 31: a filter that was made narrower and wider again before the phone had heard of everything that went. */
const SEEDS = LONG ? [1, 2, 3, 31] : [1, 31];
const STEPS_BETWEEN_COMPARISONS = 60;

async function play(seed: number): Promise<void> {
  const trial = await EasTrial.open();
  const world = new EasWorld(trial, new SimRandom(seed));
  let step = 0;
  try {
    await world.phone.folderSync();
    for (; step < STEPS; step++) {
      await world.step();
      if (step % STEPS_BETWEEN_COMPARISONS === STEPS_BETWEEN_COMPARISONS - 1) await world.compare();
    }
    await world.compare();
  } catch (error) {
    throw new Error(`seed ${seed}, step ${step}:\n${world.trace}`, { cause: error });
  } finally {
    await trial.close();
  }
}

describe("a phone and a mailbox", () => {
  for (const seed of SEEDS) test(`seed ${seed}, ${STEPS} steps`, () => play(seed));
});
