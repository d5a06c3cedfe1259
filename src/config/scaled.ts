import { InvalidValue } from "./kind.ts";

/** A number with a unit ("30m", "1.5GiB"), in multiples of the smallest unit; a bare 0 needs none. @throws InvalidValue */
export function parseScaled(
  raw: unknown,
  units: Readonly<Record<string, number>>,
  aliases: Readonly<Record<string, string>>,
): number {
  if (raw === 0 || raw === "0") return 0;
  const match = typeof raw === "string" ? /^(\d+(?:\.\d+)?)\s*([a-zA-Z]+)$/.exec(raw.trim()) : null;
  // A bare number is refused rather than guessed: Cyrus means minutes here, Dovecot seconds, Node milliseconds.
  if (match === null) throw new InvalidValue();
  const unit = match[2] ?? "";
  const factor = units[unit] ?? units[aliases[unit] ?? ""];
  const value = Math.round(Number(match[1]) * (factor ?? Number.NaN));
  if (!Number.isSafeInteger(value)) throw new InvalidValue();
  return value;
}

/** The largest unit that gives a whole number. */
export function printScaled(value: number, units: Readonly<Record<string, number>>): string {
  if (value === 0) return "0";
  let best = String(value);
  for (const [unit, factor] of Object.entries(units)) {
    if (value % factor === 0) best = `${value / factor}${unit}`;
  }
  return best;
}
