/**
 * Logins against the embedded directory, without a network: a cold argon2id hash, a cached password, SCRAM's server
 * side, look-ups. Run with `node test/bench/login.ts`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/base/io/clock.ts";
import type { TlsState } from "../../src/base/io/network.ts";
import { systemRandom } from "../../src/base/io/random.ts";
import { silentLog } from "../../src/base/log.ts";
import { openDirectory } from "../../src/directory/open.ts";
import type { AuthContext } from "../../src/directory/port.ts";
import { printPlain } from "../../src/wire/sasl/plain.ts";
import { directorySettings } from "../support/directory-settings.ts";

const USERS = 1000;
const COLD_LOGINS = 60;
const CACHED_LOGINS = 50_000;
const tls: TlsState = { protocol: "TLSv1.3", cipher: "", serverName: "", channelBinding: () => undefined };
const imap: AuthContext = { protocol: "imap", remoteAddress: "192.0.2.1", tls };

const folder = mkdtempSync(join(tmpdir(), "rookery-bench-login-"));
const io = { clock: systemClock, random: systemRandom };
// Users are made with a cheap hash; the few cold ones get the default cost, which is 19 MiB and two passes.
const cheap = openDirectory({ folder, io, settings: directorySettings(), log: silentLog });
for (let user = 0; user < USERS; user++)
  await cheap.admin?.addUser({ name: `user${user}`, password: `pass ${user}` });
await cheap.close();
const settings = directorySettings({
  argon2MemoryBytes: 19 * 2 ** 20,
  argon2Passes: 2,
  credentialCacheUsers: 20_000,
});
const opened = openDirectory({ folder, io, settings, log: silentLog });
const { directory, admin } = opened;
for (let user = 0; user < COLD_LOGINS * 2; user++) await admin?.setPassword(`user${user}`, `pass ${user}`);

async function measure(name: string, count: number, run: (index: number) => Promise<unknown>): Promise<void> {
  const timesUs = new Float64Array(count);
  const start = performance.now();
  for (let index = 0; index < count; index++) {
    const from = performance.now();
    await run(index);
    timesUs[index] = (performance.now() - from) * 1000;
  }
  print(name, count, performance.now() - start, timesUs);
}

function print(name: string, count: number, elapsedMs: number, timesUs: Float64Array): void {
  timesUs.sort();
  const at = (share: number): string => (timesUs[Math.floor((count - 1) * share)] ?? 0).toFixed(1);
  const rate = ((count / elapsedMs) * 1000).toFixed(0);
  console.log(`${name.padEnd(44)} ${rate.padStart(8)}/s   p50 ${at(0.5)} us   p99 ${at(0.99)} us`);
}

console.log(`load ${loadavg()[0]?.toFixed(1)}; ${USERS} users`);
const login = (user: number): Promise<unknown> => directory.login(`user${user}`, `pass ${user}`, imap);
await measure("login, cold argon2id (19 MiB, 2 passes), 1", COLD_LOGINS, login);
const start = performance.now();
await Promise.all(Array.from({ length: COLD_LOGINS }, (_, index) => login(COLD_LOGINS + index)));
const elapsedMs = performance.now() - start;
console.log(
  `${"login, cold, all at once".padEnd(44)} ${((COLD_LOGINS / elapsedMs) * 1000).toFixed(0).padStart(8)}/s`,
);
await measure("login, cached, one user", CACHED_LOGINS, () => login(0));
await measure("login, cached, many users", CACHED_LOGINS, (index) => login(index % COLD_LOGINS));
const plain = printPlain({ authzid: "", authcid: "user0", password: "pass 0" });
await measure("SASL PLAIN, cached", CACHED_LOGINS, () => directory.startSasl("PLAIN", imap).step(plain));
await measure("findUser", CACHED_LOGINS, (index) => directory.findUser(`user${index % USERS}`));
await measure("resolveRecipient", CACHED_LOGINS, (index) =>
  directory.resolveRecipient(`user${index % USERS}+lists@example.test`),
);
await opened.close();
rmSync(folder, { recursive: true });
