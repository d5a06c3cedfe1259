/** A running timer; `cancel` is harmless after it fired. */
export interface Timer {
  cancel(): void;
}

/** The only source of time. The simulation passes a clock that it moves itself. */
export interface Clock {
  /** Wall clock in milliseconds since 1970 (may jump). */
  nowMs(): number;
  /** Never jumps back; only differences mean anything. */
  monotonicMs(): number;
  /** Calls `fire` once after `delayMs`; does not keep the process alive. */
  setTimer(delayMs: number, fire: () => void): Timer;
}

/** Never jumps back, and is the same in all threads of the process. */
export function threadsMs(): number {
  return performance.timeOrigin + performance.now();
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(delayMs, fire) {
    const timer = setTimeout(fire, delayMs);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
