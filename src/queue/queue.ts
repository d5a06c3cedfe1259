/**
 * The outbound queue: mail that filters and the node itself send.
 *
 * Promises: a mail that was taken is on disk and is sent, returned to its sender, or dropped by an operator. Once the
 * other host's answer to it is recorded it is never sent again; only when the process dies between sending the last byte
 * and recording the answer can nobody know, and it is sent once more (RFC 5321 §4.5.3.2.6 prefers that to a loss) and
 * the log says so. A destination that does not answer is left alone for growing times, whatever waits for it.
 */
import type { Clock, Timer } from "../base/io/clock.ts";
import type { Network } from "../base/io/network.ts";
import type { Random } from "../base/io/random.ts";
import type { Resolver } from "../base/io/resolver.ts";
import type { Log } from "../base/log.ts";
import { Lru } from "../base/lru.ts";
import { withCrlf } from "./line-ends.ts";
import type { QueuedMail, WaitingMail } from "./mail.ts";
import type { QueueMetrics } from "./metrics.ts";
import type { QueueSettings } from "./options.ts";
import type { QueueReader, QueueWriter } from "./queue-writer.ts";
import { buildReport } from "./report.ts";
import { destinationOf, hopsFor } from "./route.ts";
import { SmtpFailure } from "./smtp-failure.ts";
import { sendMail } from "./smtp-sender.ts";
import { type UserRate, UserRates } from "./user-rates.ts";

export interface QueuePorts {
  readonly database: QueueReader;
  /** Of the same file. */
  readonly writer: QueueWriter;
  readonly network: Network;
  readonly resolver: Resolver;
  readonly settings: QueueSettings;
  readonly hostName: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: QueueMetrics;
  /** Mail for our own users does not go round through another host. */
  readonly local?: LocalHop | undefined;
}

export interface LocalHop {
  takes(domain: string): boolean;
  /** Resolves when it is stored. @throws SmtpFailure */
  deliver(mail: WaitingMail, bytes: Buffer): Promise<void>;
}

/** Destination of what `LocalHop` takes: no domain has this name. */
const LOCAL = "(local)";

/** The longest sleep: then the clock may have jumped, and memory wants sweeping. */
const MAX_SLEEP_MS = 60_000;
const SWEEP_MS = 60_000;
/** Destinations whose failures are remembered. */
const MAX_DESTINATIONS = 10_000;

export class Queue {
  readonly #ports: QueuePorts;
  readonly #rates: UserRates;
  readonly #inFlight = new Map<number, string | undefined>();
  readonly #failures = new Lru<string, { readonly count: number; readonly untilMs: number }>({
    maxEntries: MAX_DESTINATIONS,
  });
  #timer: Timer | undefined;
  #running = false;
  #nextSweepMs = 0;
  #idle: (() => void)[] = [];

  constructor(ports: QueuePorts) {
    this.#ports = ports;
    this.#rates = new UserRates(ports.settings.userRate, (userId) => ports.database.rateOf(userId));
  }

  get database(): QueueReader {
    return this.#ports.database;
  }

  /** Mails that wait. */
  get count(): number {
    return this.#ports.writer.count;
  }

  /** Begins to send. Before that mail is taken and waits. */
  start(): void {
    this.#running = true;
    void this.#noteUncertain().finally(() => this.#wake(0));
  }

  /** Takes no further mail from the disk; resolves when what is on its way is answered or `graceMs` is over. */
  async stop(graceMs: number): Promise<void> {
    this.#running = false;
    this.#timer?.cancel();
    if (this.#inFlight.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = this.#ports.clock.setTimer(graceMs, resolve);
      this.#idle.push(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  /** Durable when it resolves. @throws Error when the queue is full or the disk fails */
  async submit(mail: QueuedMail): Promise<"queued" | "repeated" | "limited"> {
    const { writer, clock, settings, metrics } = this.#ports;
    const nowMs = clock.nowMs();
    const { status, rate } = this.#take(mail, nowMs);
    metrics.submissions.inc({ kind: mail.kind, status });
    if (status === "queued") {
      if (writer.count >= settings.maxMessages) throw new Error("the outbound queue is full");
      if (!(await writer.add({ ...mail, bytes: withCrlf(mail.bytes) }, nowMs, rate))) return "repeated";
      this.#wake(0);
    }
    return status;
  }

  /** One message for several recipients, all or none; rates are the caller's. Durable when it resolves. @throws as `submit` */
  async submitAll(mails: readonly QueuedMail[]): Promise<void> {
    const { writer, clock, settings, metrics } = this.#ports;
    if (writer.count + mails.length > settings.maxMessages) throw new Error("the outbound queue is full");
    await writer.addAll(
      mails.map((mail) => ({ ...mail, bytes: withCrlf(mail.bytes) })),
      clock.nowMs(),
    );
    for (const { kind } of mails) metrics.submissions.inc({ kind, status: "queued" });
    this.#wake(0);
  }

  isRemembered(userId: string, key: string): boolean {
    return this.#ports.database.isRemembered(userId, key, Math.floor(this.#ports.clock.nowMs() / 1000));
  }

  async remember(userId: string, key: string, seconds: number): Promise<void> {
    const untilS = Math.floor(this.#ports.clock.nowMs() / 1000) + seconds;
    await this.#ports.writer.remember(userId, key, untilS);
  }

  /** Ids undefined = all. How many there were. */
  async retry(ids: readonly number[] | undefined): Promise<number> {
    const count = await this.#ports.writer.hurry(ids, this.#ports.clock.nowMs());
    this.#failures.clear();
    this.#wake(0);
    return count;
  }

  /** Without a report. False when there is none, or it is being sent right now. */
  async drop(id: number): Promise<boolean> {
    if (this.#inFlight.has(id)) return false;
    // So that no attempt begins meanwhile.
    this.#inFlight.set(id, undefined);
    try {
      return await this.#ports.writer.remove(id, this.#ports.clock.nowMs());
    } finally {
      this.#landed(id);
    }
  }

  async #noteUncertain(): Promise<void> {
    const { writer, log } = this.#ports;
    const text = "the node ended while this was being handed over: it may arrive twice";
    try {
      for (const { id, recipient } of await writer.takeUncertain(text)) {
        log.warn("may be sent twice", { id, to: recipient });
      }
    } catch (error) {
      log.error("could not see what the last run left", { err: error });
    }
  }

  #take(mail: QueuedMail, nowMs: number): { status: "queued" | "repeated" | "limited"; rate?: UserRate } {
    if (mail.once !== undefined && this.isRemembered(mail.userId, mail.once.key)) {
      return { status: "repeated" };
    }
    // The node's own mail is not counted.
    if (mail.userId === "") return { status: "queued" };
    const rate = this.#rates.take(mail.userId, nowMs);
    return rate === undefined ? { status: "limited" } : { status: "queued", rate };
  }

  #wake(delayMs: number): void {
    if (!this.#running) return;
    this.#timer?.cancel();
    this.#timer = this.#ports.clock.setTimer(delayMs, () => this.#tick());
  }

  #tick(): void {
    if (!this.#running) return;
    const { database, clock, log } = this.#ports;
    const nowMs = clock.nowMs();
    try {
      this.#sweep(nowMs);
      this.#startDue(nowMs);
      // What is due and has no connection free is looked at when one lands.
      const dueMs = database.nextDueMs();
      const sleepMs = dueMs === undefined || dueMs <= nowMs ? MAX_SLEEP_MS : dueMs - nowMs;
      this.#wake(Math.min(sleepMs, MAX_SLEEP_MS));
    } catch (error) {
      log.error("queue failed, looks again in a while", { err: error });
      this.#wake(MAX_SLEEP_MS);
    }
  }

  /** Forgets what is over, now and then: memory that is over does not count any more anyway. */
  #sweep(nowMs: number): void {
    if (nowMs < this.#nextSweepMs) return;
    this.#nextSweepMs = nowMs + SWEEP_MS;
    const { writer, log } = this.#ports;
    writer.sweep(Math.floor(nowMs / 1000)).catch((error: unknown) => {
      log.error("could not sweep what filters remembered", { err: error });
    });
  }

  /** As many as there are connections for; a slow destination does not keep others from theirs. */
  #startDue(nowMs: number): void {
    const { database, settings } = this.#ports;
    for (let free = this.#freeConnections; free > 0;) {
      const busy =
        settings.route === "smart_host" && this.#ports.local === undefined ? [] : this.#busyDomains();
      const due = database.due(nowMs, busy, free + this.#inFlight.size);
      for (const mail of due) {
        const destination = this.#destinationOf(mail.domain);
        if (this.#inFlight.has(mail.id) || this.#connectionsTo(destination) >= this.#perDestination) continue;
        if (this.#freeConnections === 0) return;
        this.#inFlight.set(mail.id, destination);
        void this.#attempt(mail).finally(() => this.#landed(mail.id));
      }
      if (this.#freeConnections === free) return;
      free = this.#freeConnections;
    }
  }

  #destinationOf(domain: string): string | undefined {
    const { settings, local } = this.#ports;
    return local?.takes(domain) === true ? LOCAL : destinationOf(settings, domain);
  }

  get #freeConnections(): number {
    return this.#ports.settings.maxConnections - this.#inFlight.size;
  }

  #busyDomains(): string[] {
    const domains = new Set([...this.#inFlight.values()].filter((domain) => domain !== undefined));
    const { database, local } = this.#ports;
    return [...domains]
      .filter((domain) => this.#connectionsTo(domain) >= this.#perDestination)
      .flatMap((domain) =>
        domain === LOCAL ? database.domains().filter((one) => local?.takes(one) === true) : [domain],
      );
  }

  get #perDestination(): number {
    const { route, maxConnections, maxConnectionsPerDestination } = this.#ports.settings;
    return route === "smart_host" ? maxConnections : maxConnectionsPerDestination;
  }

  #connectionsTo(destination: string | undefined): number {
    let count = 0;
    for (const one of this.#inFlight.values()) if (one === destination) count += 1;
    return count;
  }

  #landed(id: number): void {
    this.#inFlight.delete(id);
    if (this.#inFlight.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
    this.#wake(0);
  }

  /** Never throws: what cannot even be recorded is logged and tried again. */
  async #attempt(mail: WaitingMail): Promise<void> {
    const { database, writer, clock, log, metrics, hostName } = this.#ports;
    const body = database.body(mail.id);
    if (body === undefined) return;
    const fields = { id: mail.id, kind: mail.kind, user: mail.userId, from: mail.sender, to: mail.recipient };
    try {
      const host = await this.#send(mail, body);
      // The answer is recorded before anything else happens.
      await writer.remove(mail.id, clock.nowMs());
      this.#failures.delete(this.#destinationOf(mail.domain) ?? "");
      metrics.attempts.inc({ status: "sent" });
      log.info("sent", { ...fields, host, attempts: mail.attempts + 1 });
    } catch (error) {
      const failure =
        error instanceof SmtpFailure
          ? error
          : new SmtpFailure(451, "4.3.0 Internal error", { cause: error, host: hostName });
      if (failure !== error) log.error("sending failed", { ...fields, err: error });
      try {
        await this.#recordFailure(mail, body, failure);
      } catch (unrecorded) {
        log.error("could not record a failed attempt", { ...fields, err: unrecorded });
      }
    }
  }

  /** The host that took it. @throws SmtpFailure */
  async #send(mail: WaitingMail, bytes: Buffer): Promise<string> {
    const { settings, network, clock, hostName, writer, local } = this.#ports;
    if (local?.takes(mail.domain) === true) {
      await writer.markHandingOver(mail.id);
      await local.deliver(mail, bytes);
      return hostName;
    }
    const { user, password, tls, timeoutMs } = settings;
    const toSmartHost = settings.route === "smart_host";
    const options = {
      network,
      clock,
      ownName: hostName,
      tls,
      implicitTls: toSmartHost && settings.implicitTls,
      credentials:
        toSmartHost && user !== undefined && password !== undefined ? { user, password } : undefined,
      timeoutMs,
    };
    const hops = await hopsFor(mail.domain, settings, this.#ports);
    let failure = new SmtpFailure(451, "4.4.4 There is no host to send to");
    for (const hop of hops) {
      let begun = false;
      try {
        await sendMail(hop, { ...mail, bytes }, options, async () => {
          begun = true;
          await writer.markHandingOver(mail.id);
        });
        return hop.host;
      } catch (error) {
        if (!(error instanceof SmtpFailure)) throw error;
        failure = error;
        // What one exchanger refuses for good, or may have taken, is not for the next one.
        if (begun || !error.temporary) break;
      }
    }
    throw failure;
  }

  async #recordFailure(mail: WaitingMail, body: Buffer, failure: SmtpFailure): Promise<void> {
    const { writer, clock, settings, log, metrics, hostName, random } = this.#ports;
    const nowMs = clock.nowMs();
    const expiresAtMs = mail.createdAtMs + settings.maxAgeMs;
    const error = `${failure.code} ${failure.message}`;
    const fields = { id: mail.id, from: mail.sender, to: mail.recipient, host: failure.host, reason: error };
    const context = {
      hostName,
      nowMs,
      expiresAtMs,
      messageId: `${random.bytes(16).toString("hex")}@${hostName}`,
      boundary: random.bytes(12).toString("hex"),
    };
    if (!failure.temporary || nowMs >= expiresAtMs) {
      const report = buildReport("failed", mail, body, failure, context);
      await writer.remove(mail.id, nowMs, report === undefined ? [] : [report]);
      metrics.attempts.inc({ status: "failed" });
      log.warn("returned", { ...fields, reported: report !== undefined });
      return;
    }
    const waitMs = this.#backOff(mail.attempts);
    const isLate =
      settings.delayNoticeMs > 0 && !mail.delayNoticed && nowMs - mail.createdAtMs >= settings.delayNoticeMs;
    const report = isLate ? buildReport("delayed", mail, body, failure, context) : undefined;
    const change = {
      nextAtMs: Math.min(nowMs + waitMs, expiresAtMs),
      error,
      delayNoticed: mail.delayNoticed || isLate,
    };
    await writer.postpone(mail.id, change, nowMs, report === undefined ? [] : [report]);
    if (failure.host === "" && this.#destinationOf(mail.domain) !== LOCAL) {
      await this.#holdBack(mail.domain, nowMs);
    }
    metrics.attempts.inc({ status: "put_off" });
    log.info("put off", { ...fields, attempts: mail.attempts + 1, nextInMs: waitMs });
  }

  /** Nobody answered: the others that want to go there need not find that out one by one. */
  async #holdBack(domain: string, nowMs: number): Promise<void> {
    const { database, writer, settings, local } = this.#ports;
    const destination = destinationOf(settings, domain);
    // Our own users need no smart host.
    const except =
      destination === undefined && local !== undefined
        ? database.domains().filter((one) => local.takes(one))
        : [];
    const known = this.#failures.get(destination ?? "");
    // Several attempts at one time that find nobody are one failure.
    if (known !== undefined && nowMs < known.untilMs) {
      await writer.holdBack(destination, known.untilMs, except);
      return;
    }
    const count = known?.count ?? 0;
    const untilMs = nowMs + this.#backOff(count);
    this.#failures.set(destination ?? "", { count: count + 1, untilMs });
    await writer.holdBack(destination, untilMs, except);
  }

  /** Doubled from attempt to attempt, bounded, a little uneven so that not all come at once. */
  #backOff(attempts: number): number {
    const { retryFirstMs, retryMaxMs } = this.#ports.settings;
    const waitMs = Math.min(retryFirstMs * 2 ** Math.min(attempts, 30), retryMaxMs);
    return Math.floor(waitMs * (0.9 + this.#ports.random.below(201) / 1000));
  }
}
