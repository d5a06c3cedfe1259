/**
 * The ActiveSync server between HTTP and the commands: credentials, query, version, device, turn, body, command, answer.
 * Owns no socket: `routes.ts` brings requests. A request is refused before its body is read where that can be told.
 *
 * Promises: 401 only when the credentials are wrong (S2.80); one request of a device at a time; a failure of one request
 * touches no other; memory bounded by `max_requests`, `max_request` and MAX_BUFFERED_BYTES.
 */
import type { Clock } from "../base/io/clock.ts";
import { WbxmlError } from "../wire/wbxml/reader.ts";
import { type Account, AccountError, type Accounts } from "./account/port.ts";
import { openAccount, parseAuthorization } from "./authorization.ts";
import type { Command, EasAnswer, EasRequest } from "./command.ts";
import { DeviceGate, type GateRequest } from "./devices/gate.ts";
import type { TraceFiles } from "./devices/trace.ts";
import { type Element, parseElement } from "./element.ts";
import { BodyTooLarge, Exchange, FALLBACK_VERSION, type Intake } from "./exchange.ts";
import { compressed, type HttpAnswer, toHttp } from "./http-answer.ts";
import { Breakdown, timed } from "./logs/breakdown.ts";
import { printWbxml } from "./logs/print-wbxml.ts";
import { logSummary, type RequestLogs, withContext } from "./logs/request-logs.ts";
import type { EasMetrics } from "./metrics.ts";
import type { EasSettings } from "./options.ts";
import type { Policy } from "./policy/policy.ts";
import { checkDevice, parseQuery, type Query } from "./query-string.ts";
import type { Device, DeviceStates } from "./state/port.ts";
import type { RequestNews } from "./state/request-news.ts";
import { record } from "./record-request.ts";
import { toRefusal } from "./request-refusal.ts";
import { EasRefusal, refusalAnswer, retryAfter } from "./status.ts";
import { DeviceTurns, type Turn } from "./turns.ts";
import { parseVersion, PROTOCOL_VERSIONS, printVersion, type ProtocolVersion } from "./version.ts";

export interface EasServerParts {
  readonly accounts: Accounts;
  readonly states: DeviceStates;
  readonly news?: RequestNews | undefined;
  readonly ready: () => Promise<void>;
  readonly commands: ReadonlyMap<string, Command>;
  readonly policy: Policy;
  readonly settings: EasSettings;
  readonly clock: Clock;
  readonly logs: RequestLogs;
  readonly metrics: EasMetrics;
  readonly traces: TraceFiles;
}

/** Bodies of all requests together: a few large messages being sent, thousands of small requests. */
const MAX_BUFFERED_BYTES = 256 * 2 ** 20;
/** Commands that carry messages may be as large as `max_request`; the others are small. */
const LARGE_COMMANDS: ReadonlySet<string> = new Set(["SendMail", "SmartReply", "SmartForward", "Sync"]);
const MAX_SMALL_BODY_BYTES = 2 * 2 ** 20;
const REPLACING_COMMANDS: ReadonlySet<string> = new Set(["Sync", "Ping"]);
const MAX_USER_AGENT_CHARACTERS = 200;
const REALM = 'Basic realm="ActiveSync", charset="UTF-8"';

export class EasServer {
  readonly #parts: EasServerParts;
  readonly #gate: DeviceGate;
  readonly #turns: DeviceTurns;
  /** Ascending: some clients take the last one (E1 and what devices were seen to do). */
  readonly #optionHeaders: Readonly<Record<string, string>>;
  #requestCount = 0;
  #bufferedBytes = 0;

  constructor(parts: EasServerParts) {
    this.#parts = parts;
    const { states, policy, settings, clock } = parts;
    this.#gate = new DeviceGate({ states, policy, settings, nowMs: () => clock.nowMs() });
    const { maxWaiting, maxRequests, maxHeld } = settings;
    this.#turns = new DeviceTurns({ maxWaiting, maxRequests, maxHeld }, parts.news);
    this.#optionHeaders = {
      "MS-ASProtocolVersions": PROTOCOL_VERSIONS.map(printVersion).join(","),
      "MS-ASProtocolCommands": [...parts.commands.keys()].join(","),
      Allow: "OPTIONS,POST",
      Public: "OPTIONS,POST",
    };
  }

  get requestCount(): number {
    return this.#turns.requestCount;
  }

  /** Of one device, or of all of a user: he is judged anew when it comes again. */
  endHeld(userId: string, deviceId?: string): void {
    this.#turns.endHeld(userId, deviceId);
  }

  get heldCount(): number {
    return this.#turns.heldCount;
  }

  /** Ends held requests; those under way finish. */
  shutDown(): void {
    this.#turns.stop();
  }

  /** Never rejects. */
  async handle(intake: Intake): Promise<HttpAnswer> {
    const startedMs = this.#parts.clock.monotonicMs();
    const exchange = new Exchange(intake, ++this.#requestCount, this.#parts.clock.nowMs());
    const answer = await this.#answer(exchange);
    const http = toHttp(answer);
    record(exchange, http, this.#parts.clock.monotonicMs() - startedMs, this.#parts);
    const common = { "MS-Server-ActiveSync": "16.1", "Cache-Control": "private" };
    const whole = { ...http, headers: { ...common, ...http.headers } };
    return compressed(whole, intake.headers["accept-encoding"] ?? "");
  }

  async #answer(exchange: Exchange): Promise<EasAnswer> {
    let account: Account | undefined;
    try {
      await this.#parts.ready();
      account = await this.#open(exchange);
      exchange.account = account;
      if (exchange.intake.method !== "POST") {
        return { kind: "http", status: 200, headers: this.#optionHeaders };
      }
      return await this.#post(exchange, account);
    } catch (error) {
      return this.#failed(exchange, error);
    } finally {
      account?.release();
    }
  }

  /** @throws AccountError */
  async #open({ intake, context, setUser }: Exchange): Promise<Account> {
    const { remoteAddress, tls, headers } = intake;
    const log = this.#parts.logs.authentication;
    try {
      const authorization = parseAuthorization(headers["authorization"]);
      if (authorization !== undefined && "name" in authorization) setUser(authorization.name);
      const account = await openAccount(this.#parts.accounts, authorization, remoteAddress, tls);
      log.debug("logged in", { ...context(), remoteAddress });
      return account;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log.info("login refused", { ...context(), remoteAddress, reason });
      throw error;
    }
  }

  async #post(exchange: Exchange, account: Account): Promise<EasAnswer> {
    const { intake, controller } = exchange;
    exchange.setUser(account.userId);
    const query = parseQuery(intake.query);
    exchange.query = query;
    exchange.version = versionOf(query, intake.headers);
    checkDevice(query);
    const command = this.#parts.commands.get(query.command);
    if (command === undefined) {
      throw new EasRefusal("command_not_supported", `command "${query.command}" is not known`);
    }
    const userAgent = (intake.headers["user-agent"] ?? "").slice(0, MAX_USER_AGENT_CHARACTERS);
    const { userId } = account;
    const { deviceId, deviceType } = query;
    const turn = await this.#turns.take(userId, deviceId, {
      replacesHeld: REPLACING_COMMANDS.has(query.command),
      controller,
    });
    const stopListening = abortWith(intake.gone, controller);
    try {
      const admission: GateRequest = {
        userId,
        deviceId,
        deviceType,
        userAgent,
        command: query.command,
        version: exchange.version,
        policyKey: query.policyKey ?? policyKeyOf(intake.headers),
      };
      const log = withContext(this.#parts.logs.commands, exchange.context());
      const admit = (): Promise<Device> => this.#gate.admit(admission, account.addresses, log);
      exchange.tracing = (await admit()).tracing;
      const judged: Turn = {
        // A device that was blocked or is to be wiped meanwhile hears of that, and of no mail.
        async hold(wait) {
          const result = await turn.hold(wait);
          await admit();
          return result;
        },
        release: () => turn.release(),
      };
      return await this.#withBody(exchange, command, judged, {
        userId,
        deviceId,
        deviceType,
        userAgent,
      });
    } finally {
      stopListening();
      turn.release();
    }
  }

  async #withBody(
    exchange: Exchange,
    command: Command,
    turn: Turn,
    device: EasRequest["device"],
  ): Promise<EasAnswer> {
    const { intake } = exchange;
    const announced = Number(intake.headers["content-length"] ?? 0);
    const { settings } = this.#parts;
    const maxBytes = LARGE_COMMANDS.has(command.name) ? settings.maxRequestBytes : MAX_SMALL_BODY_BYTES;
    if (announced > maxBytes) throw new BodyTooLarge(`the request has ${announced} bytes`);
    const tooMany = (): EasRefusal => new EasRefusal("server_error_retry_later", "too many large requests");
    if (this.#bufferedBytes + announced > MAX_BUFFERED_BYTES) throw tooMany();
    let counted = 0;
    try {
      exchange.body = await intake.body(maxBytes, (bytes) => {
        counted += bytes;
        this.#bufferedBytes += bytes;
        if (this.#bufferedBytes > MAX_BUFFERED_BYTES) throw tooMany();
      });
      return await this.#run(exchange, command, turn, device);
    } finally {
      this.#bufferedBytes -= counted;
    }
  }

  async #run(
    exchange: Exchange,
    command: Command,
    turn: Turn,
    device: EasRequest["device"],
  ): Promise<EasAnswer> {
    const { intake, version, query, body, account, controller } = exchange;
    if (query === undefined || account === undefined)
      throw new Error("a command runs before its query is read");
    const { states, logs, clock } = this.#parts;
    const context = exchange.context();
    const root = readRoot(body, intake.headers["content-type"] ?? "");
    if (logs.full.enabled("debug"))
      withContext(logs.full, context).debug(`request\n${printWbxml(body, "full")}`);
    if (logs.trimmed.enabled("debug")) {
      withContext(logs.trimmed, context).debug(`request\n${printWbxml(body, "trimmed")}`);
    }
    const breakdown = logs.breakdown.enabled("debug") ? new Breakdown(() => clock.monotonicMs()) : undefined;
    const request: EasRequest = {
      command: command.name,
      version,
      device,
      account: breakdown === undefined ? account : timed(account, "EMAIL", breakdown),
      states: breakdown === undefined ? states : timed(states, "SQL", breakdown),
      root,
      body,
      parameters: query.parameters,
      acceptMultipart: query.acceptMultipart || intake.headers["ms-asacceptmultipart"] === "T",
      signal: controller.signal,
      hold: (wait) => exchange.held(clock, () => turn.hold(wait)),
      log: withContext(logs.commands, context),
      summary: exchange.summary,
    };
    const answer = await (breakdown === undefined
      ? command.run(request)
      : breakdown.request(() => command.run(request)));
    if (breakdown !== undefined) withContext(logs.breakdown, context).debug(breakdown.toString());
    logSummary(logs, exchange.summary, context);
    return answer;
  }

  /** The one place where errors become answers. */
  #failed(exchange: Exchange, error: unknown): EasAnswer {
    const { intake, version, query } = exchange;
    const { settings, metrics, logs } = this.#parts;
    const log = withContext(logs.commands, exchange.context());
    if (error instanceof AccountError && error.code === "credentials_invalid") {
      metrics.refusals.inc({ reason: "credentials" });
      return {
        kind: "http",
        status: 401,
        headers: { "WWW-Authenticate": REALM },
        text: "wrong name or password",
      };
    }
    if (intake.gone.aborted) {
      log.debug("device went away");
      return { kind: "http", status: 503, headers: retryAfter(settings.retryAfterMs) };
    }
    const refusal = toRefusal(error);
    metrics.refusals.inc({ reason: refusal.code });
    if (refusal.code === "server_error") log.error("request failed", { err: error });
    else log.info("request refused", { reason: refusal.message, status: refusal.status });
    if (error instanceof BodyTooLarge && (query === undefined || version < 140)) {
      return { kind: "http", status: 413, headers: { Connection: "close" }, text: refusal.message };
    }
    return refusalAnswer(refusal, query?.command ?? "", version, settings.retryAfterMs);
  }
}

/** @throws EasRefusal version_not_supported */
function versionOf(query: Query, headers: Intake["headers"]): ProtocolVersion {
  if (query.version !== undefined) return query.version;
  const text = headers["ms-asprotocolversion"];
  if (text === undefined) return FALLBACK_VERSION;
  const version = parseVersion(text);
  if (version === undefined) throw new EasRefusal("version_not_supported", `version "${text}" is not spoken`);
  return version;
}

function policyKeyOf(headers: Intake["headers"]): number {
  const text = headers["x-ms-policykey"] ?? "0";
  return /^\d{1,10}$/.test(text) ? Number(text) : 0;
}

/** @throws EasRefusal invalid_wbxml */
function readRoot(body: Buffer, contentType: string): Element | undefined {
  if (body.length === 0 || /^message\/rfc822\b/i.test(contentType)) return undefined;
  try {
    return parseElement(body);
  } catch (error) {
    if (!(error instanceof WbxmlError)) throw error;
    throw new EasRefusal("invalid_wbxml", `the request is no WBXML: ${error.message}`, { cause: error });
  }
}

function abortWith(source: AbortSignal, target: AbortController): () => void {
  const abort = (): void => target.abort(source.reason);
  if (source.aborted) abort();
  source.addEventListener("abort", abort, { once: true });
  return () => source.removeEventListener("abort", abort);
}
