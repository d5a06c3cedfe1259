import { randomBytes, randomInt } from "node:crypto";

/** The only source of chance. The simulation passes a seeded one. */
export interface Random {
  bytes(count: number): Buffer;
  /** Integer in 0..limit-1. */
  below(limit: number): number;
}

export const systemRandom: Random = {
  bytes: (count) => randomBytes(count),
  below: (limit) => randomInt(limit),
};
