/** Whether a device that was not seen before may sync: `activesync.device_rules`, `activesync.unknown_devices`. */
import type { DeviceAccess } from "../state/port.ts";

type Verdict = "allow" | "quarantine" | "block";

const ACCESS: Record<Verdict, DeviceAccess> = {
  allow: "allowed",
  quarantine: "quarantined",
  block: "blocked",
};

interface DeviceRule {
  readonly of: "type" | "agent";
  readonly pattern: RegExp;
  readonly verdict: Verdict;
}

/** @throws TypeError for a rule that begins with neither `type:` nor `agent:` */
export function parseDeviceRules(rules: ReadonlyMap<string, Verdict>): readonly DeviceRule[] {
  return [...rules].map(([rule, verdict]) => {
    const [, of, glob] = /^(type|agent):(.+)$/.exec(rule) ?? [];
    if (of === undefined || glob === undefined) {
      throw new TypeError(`device rule "${rule}" does not begin with type: or agent:`);
    }
    return { of: of === "type" ? "type" : "agent", pattern: globPattern(glob), verdict };
  });
}

export class DeviceRules {
  readonly #rules: readonly DeviceRule[];
  readonly #fallback: Verdict;

  /** @throws TypeError as parseDeviceRules */
  constructor(rules: ReadonlyMap<string, Verdict>, fallback: Verdict) {
    this.#rules = parseDeviceRules(rules);
    this.#fallback = fallback;
  }

  accessOf(device: { readonly deviceType: string; readonly userAgent: string }): DeviceAccess {
    const rule = this.#rules.find(({ of, pattern }) =>
      pattern.test(of === "type" ? device.deviceType : device.userAgent),
    );
    return ACCESS[rule?.verdict ?? this.#fallback];
  }
}

/** `*` stands for any text; letters in any case. */
function globPattern(glob: string): RegExp {
  const parts = glob.split("*").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join(".*")}$`, "i");
}
