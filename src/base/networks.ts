import { BlockList, isIP } from "node:net";

/** A set of IP networks in CIDR form. Holds IPv4 also in its IPv6-mapped form (`::ffff:10.0.0.1`). */
export class NetworkList {
  readonly #list = new BlockList();
  readonly #networks: readonly string[];

  /** @param networks "10.0.0.0/8", "2001:db8::/32" or single addresses. @throws RangeError naming the bad one */
  constructor(networks: readonly string[]) {
    this.#networks = networks;
    for (const network of networks) {
      const [address = "", prefix, ...rest] = network.split("/");
      const version = isIP(address);
      const bits = version === 4 ? 32 : 128;
      const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1;
      if (version === 0 || rest.length > 0 || length < 0 || length > bits) {
        throw new RangeError(`"${network}" is not a network`);
      }
      this.#list.addSubnet(address, length, version === 4 ? "ipv4" : "ipv6");
    }
  }

  /** False for anything that is no IP address. */
  contains(address: string): boolean {
    const bare = unmapped(address);
    const version = isIP(bare);
    return version !== 0 && this.#list.check(bare, version === 4 ? "ipv4" : "ipv6");
  }

  toString(): string {
    return this.#networks.join(",");
  }

  toJSON(): readonly string[] {
    return this.#networks;
  }
}

/** `::ffff:192.0.2.1` → `192.0.2.1`, anything else unchanged. */
export function unmapped(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}
