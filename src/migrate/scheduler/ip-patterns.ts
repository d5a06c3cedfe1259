import { NetworkList, unmapped } from "../../base/networks.ts";

/** Addresses that may ask at all (S4.54): `127.0.0.1`, `192.168.1.*`, `10.0.0.0/8`, `2001:db8::/32`; `0.0.0.0` = everybody. */
export class IpPatterns {
  readonly #networks: NetworkList;
  readonly #everybody: boolean;

  /** @param patterns none = everybody. @throws RangeError naming the bad one */
  constructor(patterns: readonly string[]) {
    this.#everybody = patterns.length === 0 || patterns.includes("0.0.0.0");
    this.#networks = new NetworkList(patterns.map(toNetwork));
  }

  allows(address: string): boolean {
    return this.#everybody || this.#networks.contains(unmapped(address));
  }
}

/** `192.168.*.*` → `192.168.0.0/16`; stars stand at the end. */
function toNetwork(pattern: string): string {
  if (!pattern.includes("*")) return pattern;
  const parts = pattern.split(".");
  const known = parts.findIndex((part) => part === "*");
  if (parts.length !== 4 || parts.slice(known).some((part) => part !== "*")) {
    throw new RangeError(`"${pattern}" is no pattern of addresses`);
  }
  return `${[...parts.slice(0, known), ...Array<string>(4 - known).fill("0")].join(".")}/${8 * known}`;
}
