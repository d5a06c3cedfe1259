/** A migration worker in a process of its own, so that its time and memory are its own: told by messages what to do. */
import { systemClock } from "../../../src/base/io/clock.ts";
import { systemFiles } from "../../../src/base/io/body-files.ts";
import { systemDisk } from "../../../src/base/io/system-disk.ts";
import { systemNetwork } from "../../../src/base/io/system-network.ts";
import { systemRandom } from "../../../src/base/io/random.ts";
import { Secret } from "../../../src/base/secret.ts";
import { silentLog } from "../../../src/base/log.ts";
import { leanStore } from "../../../src/main/lean-process.ts";
import { ImapTarget } from "../../../src/migrate/imap/imap-target.ts";
import { StoreTarget } from "../../../src/migrate/imap/store-target.ts";
import type { MailTarget } from "../../../src/migrate/imap/target.ts";
import { openStore } from "../../../src/store/open.ts";
import { Staging } from "../../../src/store/staging.ts";
import { openMigration } from "../../support/migration.ts";

export interface WorkerStart {
  readonly folder: string;
  readonly source: { readonly host: string; readonly port: number };
  /** undefined = Rookery's store in this process. */
  readonly target: { readonly host: string; readonly port: number } | undefined;
}
export interface WorkerJobs {
  readonly users: readonly string[];
  readonly phase: "PRE_SYNC" | "CUTOVER";
}
export interface WorkerAnswer {
  readonly elapsedMs: number;
  readonly cpuMs: number;
  /** Of each job, from its start to its end. */
  readonly jobMs: readonly number[];
  readonly saved: number;
  readonly expunged: number;
  readonly maxRssMiB: number;
  readonly failures: readonly string[];
}

async function main(start: WorkerStart): Promise<void> {
  const { folder, source, target } = start;
  const io = { clock: systemClock, random: systemRandom };
  const store =
    target === undefined
      ? await openStore({ folder, ...io, log: silentLog, settings: leanStore() })
      : undefined;
  const staging = new Staging({ folder, files: systemFiles, random: systemRandom, maxMessageBytes: 2 ** 40 });
  Staging.sweep(folder, systemDisk);
  const openTarget = async (user: string): Promise<MailTarget> => {
    if (target === undefined) {
      return new StoreTarget(user, { store: store!, clock: systemClock, maxMessageBytes: undefined });
    }
    return await ImapTarget.connect(
      {
        ...target,
        tls: "off",
        verify: false,
        user,
        login: { kind: "password", password: new Secret("secret") },
        compress: false,
        silenceMs: 60_000,
      },
      { network: systemNetwork, ...io, stage: (size) => staging.stage(size) },
    );
  };
  const migration = await openMigration({ source, openTarget: ({ user }) => openTarget(user.targetUid) });
  process.on("message", (jobs: WorkerJobs) => {
    void (async () => {
      const startMs = performance.now();
      const usage = process.cpuUsage();
      const jobMs: number[] = [];
      const results = await Promise.all(
        jobs.users.map(async (user) => {
          const job = migration.job(
            { sourceUid: user, targetUid: user, password: "secret" },
            { phase: jobs.phase },
          );
          const result = await migration.run(job);
          jobMs.push(performance.now() - startMs);
          return result;
        }),
      );
      const { user, system } = process.cpuUsage(usage);
      const answer: WorkerAnswer = {
        elapsedMs: performance.now() - startMs,
        cpuMs: (user + system) / 1000,
        jobMs,
        saved: results.reduce((sum, { syncMessageCount }) => sum + syncMessageCount, 0),
        expunged: results.reduce((sum, { expungedMessageCount }) => sum + expungedMessageCount, 0),
        maxRssMiB: process.resourceUsage().maxRSS / 1024,
        failures: results.flatMap(({ error }) => (error === undefined ? [] : [error])),
      };
      process.send?.(answer);
    })();
  });
  process.on("disconnect", () => process.exit(0));
  process.send?.("ready");
}

process.once("message", (start: WorkerStart) => void main(start));
