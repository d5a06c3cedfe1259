/** Accounts of another server for tests: the gateway's side of a real IMAP server. */
import { systemClock } from "../../src/base/io/clock.ts";
import { systemRandom } from "../../src/base/io/random.ts";
import { systemNetwork } from "../../src/base/io/system-network.ts";
import { silentLog } from "../../src/base/log.ts";
import { NetworkList } from "../../src/base/networks.ts";
import { loadConfig } from "../../src/config/load.ts";
import { FailedLogins } from "../../src/directory/failed-logins.ts";
import { gatewayOptions } from "../../src/eas/account/remote/options.ts";
import { RemoteAccounts, type RemoteAccountsPorts } from "../../src/eas/account/remote/remote-accounts.ts";
import { MemoryStates } from "./memory-states.ts";

/** Everything in the clear on loopback; `settings` as in `--set`, without the group. */
export function remoteAccounts(
  imapPort: number,
  settings: Readonly<Record<string, string>> = {},
  ports: Partial<Pick<RemoteAccountsPorts, "states" | "areStatesShared" | "clock">> = {},
): RemoteAccounts {
  const all = {
    imap: `127.0.0.1:${imapPort}`,
    imap_tls: "off",
    smtp_tls: "off",
    default_domain: "example.test",
    login_with_domain: "no",
    ...settings,
  };
  const overrides = Object.fromEntries(Object.entries(all).map(([key, value]) => [`gateway.${key}`, value]));
  const config = loadConfig([gatewayOptions], { readText: () => "", folder: "/", overrides });
  return new RemoteAccounts({
    settings: config.get(gatewayOptions),
    network: systemNetwork,
    clock: systemClock,
    states: new MemoryStates(),
    areStatesShared: true,
    random: systemRandom,
    log: silentLog,
    commandLog: silentLog,
    resourceLog: silentLog,
    people: undefined,
    allowPlaintext: false,
    failedLogins: new FailedLogins(systemClock, {
      failedLoginFree: 100,
      failedLoginDelayMs: 0,
      failedLoginMaxDelayMs: 0,
      failedLoginRefuse: 1000,
      failedLoginMemoryMs: 1000,
      failedLoginExempt: new NetworkList([]),
    }),
    ...ports,
  });
}
