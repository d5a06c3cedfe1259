/**
 * Long work in small steps: who has 100,000 messages to sort gives way to other sessions after each turn.
 *
 * A generator does about STEP_ITEMS cheap things (look-ups, comparisons, numbers written) between two yields; that is
 * well under a millisecond.
 */
export const STEP_ITEMS = 4096;

export type Steps<T> = Generator<void, T>;

/** Does all steps, giving way where the session says that its turn is over. */
export async function inTurns<T>(
  session: { pause(): Promise<void> | undefined },
  steps: Steps<T>,
): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    const pause = session.pause();
    if (pause !== undefined) await pause;
  }
}

/** Does all steps at once: for what is known to be short, and for tests. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
