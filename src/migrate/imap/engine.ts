/**
 * The built-in engine: copies one user's mail from an IMAP server to a target, and brings over what has changed on every
 * further run. A run without changes costs a login, a LIST and one query on each side.
 *
 * Connections that break are made anew and the copy goes on where it was; a message that breaks them each time is
 * recorded as missing. Two runs of one user never overlap: the queue sees to that.
 */
import type { Network } from "../../base/io/network.ts";
import type { Random } from "../../base/io/random.ts";
import type { Engine, EngineContext } from "../engine.ts";
import { LeaseLostError } from "../ledger/folder-ledger.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { JobResult, MigrationJob } from "../model.ts";
import { SqlError } from "../../base/io/sql/port.ts";
import { StoreError } from "../../store/errors.ts";
import { ImapClientError } from "../../imap/client-command.ts";
import { ImapLoginError } from "../../imap/client-connect.ts";
import { AccountError, imapcSettings, sourceAccount, type TokenSource } from "./account.ts";
import { asksForLess } from "./asks-for-less.ts";
import { JobReport } from "./job-report.ts";
import { MemoryShare } from "./memory-share.ts";
import type { MigrateImapSettings } from "./options.ts";
import { ImapSource } from "./source.ts";
import { type MailTarget, TargetFullError } from "./target.ts";
import type { Verification, VerifyLevel } from "../ledger/verification.ts";
import { UserSync } from "./user-sync.ts";

export interface ImapEnginePorts {
  readonly ledger: Ledger;
  readonly network: Network;
  readonly random: Random;
  readonly settings: MigrateImapSettings;
  /** The `imapc_*` settings of a source (S4.62). */
  readonly sourceConf: (source: string) => ReadonlyMap<string, string>;
  /** undefined = the user's password is the token itself. */
  readonly tokens?: TokenSource | undefined;
  /** Before connecting anew; doubles while that brings nothing. */
  readonly firstPauseMs?: number;
  /** @throws ImapLoginError, the Node error of a connection, StoreError */
  readonly openTarget: (job: MigrationJob, context: EngineContext) => Promise<MailTarget>;
}

const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 30_000;

export class ImapEngine implements Engine {
  readonly name = "imap";
  readonly #ports: ImapEnginePorts;
  readonly #memory = new MemoryShare();

  constructor(ports: ImapEnginePorts) {
    this.#ports = ports;
  }

  async run(job: MigrationJob, context: EngineContext): Promise<JobResult> {
    const leave = this.#memory.enter();
    const { user } = job;
    const report = new JobReport(
      context,
      `built-in imap: ${user.sourceHost} ${user.sourceUid} → ${user.targetUid}`,
    );
    const givenUp = new Map<string, Map<number, string>>();
    let windowSize = this.#ports.settings.window;
    try {
      for (let fruitless = 0; ;) {
        const before = report.recorded;
        report.beginAttempt();
        const attempt = new Attempt(this.#ports, this.#memory, job, context, report, givenUp, windowSize);
        try {
          await attempt.run();
          return report.result("SUCCESS");
        } catch (error) {
          const reason = textOf(error);
          if (context.signal.aborted || error instanceof LeaseLostError)
            return report.result("ABORTED", reason);
          if (!isWorldly(error)) throw error;
          const hasGrown = report.recorded > before;
          fruitless = hasGrown ? 0 : fruitless + 1;
          context.log.warn("migration was interrupted", { err: error, attempt: report.attempts });
          if (error instanceof TargetFullError)
            return { ...report.result("FAILED", reason), retry: this.#retry };
          if (asksForLess(reason)) context.pace.backOff(reason);
          if (!isTemporary(error) || fruitless >= this.#ports.settings.attempts) {
            return report.result("FAILED", reason);
          }
          report.problem(reason);
          // The same place again: messages are asked for one by one until the bad one is known.
          if (attempt.brokeAtMessage && !asksForLess(reason)) {
            const isKnown = !hasGrown && windowSize === 1;
            if (isKnown) attempt.giveUpLast(reason);
            windowSize = hasGrown || isKnown ? this.#ports.settings.window : 1;
          }
          await pause(
            context,
            Math.min(MAX_PAUSE_MS, (this.#ports.firstPauseMs ?? FIRST_PAUSE_MS) * 2 ** fruitless),
          );
          if (context.signal.aborted) return report.result("ABORTED", reason);
        }
      }
    } finally {
      leave();
    }
  }

  get #retry(): NonNullable<JobResult["retry"]> {
    const { fullRetryAfterMs, fullRetries } = this.#ports.settings;
    return { afterMs: fullRetryAfterMs, pauses: fullRetries };
  }

  /** Compares both sides and keeps what it finds; nothing is copied. @throws what connections and databases throw */
  async verify(job: MigrationJob, context: EngineContext, level: VerifyLevel): Promise<Verification> {
    const report = new JobReport(context, "verification");
    const { window } = this.#ports.settings;
    const attempt = new Attempt(this.#ports, this.#memory, job, context, report, new Map(), window);
    return await attempt.connected((sync) => sync.verify(level));
  }
}

/** One pair of connections, for as long as they hold. */
class Attempt {
  readonly #ports: ImapEnginePorts;
  readonly #memory: MemoryShare;
  readonly #job: MigrationJob;
  readonly #context: EngineContext;
  readonly #report: JobReport;
  readonly #givenUp: Map<string, Map<number, string>>;
  readonly #windowSize: number;
  #last: { folder: string; uid: number } | undefined;
  #sourceFailed = false;

  constructor(
    ports: ImapEnginePorts,
    memory: MemoryShare,
    job: MigrationJob,
    context: EngineContext,
    report: JobReport,
    givenUp: Map<string, Map<number, string>>,
    windowSize: number,
  ) {
    this.#ports = ports;
    this.#memory = memory;
    this.#job = job;
    this.#context = context;
    this.#report = report;
    this.#givenUp = givenUp;
    this.#windowSize = windowSize;
  }

  /** The source's connection broke while a message was asked for: it may be that message's fault. */
  get brokeAtMessage(): boolean {
    return this.#last !== undefined && this.#sourceFailed;
  }

  giveUpLast(reason: string): void {
    const last = this.#last;
    if (last === undefined) return;
    const uids = this.#givenUp.get(last.folder) ?? new Map<number, string>();
    uids.set(last.uid, `fetching it ends the connection: ${reason}`);
    this.#givenUp.set(last.folder, uids);
  }

  async run(): Promise<void> {
    await this.connected((sync) => sync.run());
  }

  async connected<Result>(work: (sync: UserSync) => Promise<Result>): Promise<Result> {
    const { ledger, network, random, settings, sourceConf, tokens, openTarget } = this.#ports;
    const { clock, signal, fence } = this.#context;
    const job = this.#job;
    const conf = imapcSettings(job, sourceConf(job.user.source));
    const account = sourceAccount(job, conf, settings, tokens);
    const [source, target, known] = await settledAll(
      ImapSource.connect(account, { network, clock, random }),
      openTarget(job, this.#context),
      ledger.folders(job.user, fence),
    );
    const stop = (): void => {
      source.destroy();
      target.destroy();
    };
    source.gate.maxBytes = () => this.#memory.bytes;
    signal.addEventListener("abort", stop, { once: true });
    try {
      signal.throwIfAborted();
      const sync = new UserSync({
        source,
        target,
        ledger,
        known,
        job,
        context: this.#context,
        report: this.#report,
        settings,
        conf,
        windowSize: this.#windowSize,
        givenUp: this.#givenUp,
        asked: (folder, uid) => {
          this.#last = { folder, uid };
        },
      });
      const result = await work(sync);
      await Promise.all([source.close(), target.close()]);
      return result;
    } catch (error) {
      this.#sourceFailed = source.hasFailed;
      stop();
      throw error;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }
}

/** All or the first failure, after which what was opened is closed again. */
async function settledAll<Known>(
  source: Promise<ImapSource>,
  target: Promise<MailTarget>,
  known: Promise<Known>,
): Promise<[ImapSource, MailTarget, Known]> {
  try {
    return await Promise.all([source, target, known]);
  } catch (error) {
    for (const opened of [source, target]) opened.then((one) => one.destroy()).catch(() => undefined);
    await known.catch(() => undefined);
    throw error;
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Not a bug: something out there. */
function isWorldly(error: unknown): boolean {
  return (
    error instanceof ImapClientError ||
    error instanceof ImapLoginError ||
    error instanceof TargetFullError ||
    error instanceof AccountError ||
    error instanceof StoreError ||
    error instanceof SqlError ||
    // Of a connection: ECONNREFUSED, ENOTFOUND, certificates …
    (error instanceof Error && ("code" in error || error.message.startsWith("no connection to ")))
  );
}

function isTemporary(error: unknown): boolean {
  if (error instanceof ImapLoginError) return error.temporary;
  if (error instanceof AccountError) return false;
  if (error instanceof StoreError) return error.temporary;
  if (error instanceof SqlError) return error.code === "unavailable";
  return true;
}

function pause({ clock, signal }: EngineContext, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      timer.cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = clock.setTimer(delayMs, done);
    signal.addEventListener("abort", done, { once: true });
  });
}
