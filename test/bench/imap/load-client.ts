/** The process that makes the load: a job for each phase of a row comes by IPC, a sample goes back. */
import type { Target } from "./clients.ts";
import { MailPool, MIXED, SMALL } from "./mail.ts";
import type { Sample } from "./sample.ts";
import type { Context, Size } from "./scenario.ts";
import { scenarios } from "./scenarios.ts";

export interface Job {
  readonly row: string;
  readonly phase: "setUp" | "before" | "run" | "after";
  readonly target: Target;
  readonly users: readonly string[];
  readonly size: Size;
}

export type JobAnswer = { readonly sample: Sample | undefined } | { readonly error: string };

const POOL_MESSAGES = 500;
const contexts = new Map<string, Context>();
const mixed = new MailPool(POOL_MESSAGES, MIXED, 1);
const small = new MailPool(POOL_MESSAGES, SMALL, 3);

process.on("message", (job: Job) => {
  work(job).then(
    (sample) => process.send?.({ sample } satisfies JobAnswer),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
  );
});
process.send?.("ready");

async function work({ row, phase, target, users, size }: Job): Promise<Sample | undefined> {
  const scenario = scenarios.find((one) => one.row === row);
  if (scenario === undefined) throw new Error(`no row ${row}`);
  let context = contexts.get(target.name);
  if (context === undefined) {
    context = { target, users, size, mixed, small, done: new Set(), turns: new Map() };
    contexts.set(target.name, context);
  }
  if (phase === "run") return scenario.run(context);
  await scenario[phase]?.(context);
  return undefined;
}
