/**
 * ActiveSync as dialogue files: a request is its first line, headers, a document, and an empty line.
 *
 *     C: POST Provision 14.1 X-MS-PolicyKey=0
 *     C: <Provision:Provision/>
 *     C:
 *     S: 200
 *     S: <Provision:Provision><Provision:Status>2</Provision:Status></Provision:Provision>
 *
 * `{PolicyKey}` in a request is the text that the element had in the last answer with one. Each client is a device.
 */
import { parse as parseQueryString } from "node:querystring";
import { systemClock } from "../../src/base/io/clock.ts";
import { systemRandom } from "../../src/base/io/random.ts";
import { Logs } from "../../src/base/log.ts";
import { Metrics } from "../../src/base/metrics.ts";
import type { Accounts } from "../../src/eas/account/port.ts";
import { printBasic } from "../../src/eas/authorization.ts";
import { type Gateway, openGateway } from "../../src/eas/gateway.ts";
import { type HttpAnswer, MULTIPART_TYPE, parseMultipart, WBXML_TYPE } from "../../src/eas/http-answer.ts";
import { printWbxml } from "../../src/eas/logs/print-wbxml.ts";
import type { ItemClass } from "../../src/eas/item-class.ts";
import type { DeviceChanges, DeviceStates } from "../../src/eas/state/port.ts";
import { tagOf } from "../../src/wire/wbxml/code-pages.ts";
import { WbxmlWriter } from "../../src/wire/wbxml/writer.ts";
import { easSettings, policySettings, TestAccounts } from "./eas-host.ts";
import { MemoryStates } from "./memory-states.ts";
import type { TranscriptHost, TranscriptPeer } from "./transcript.ts";

const USER = "alice";
/** Headers of answers that say something about the protocol. */
const SHOWN_HEADERS = ["WWW-Authenticate", "Retry-After", "MS-ASProtocolVersions", "MS-ASProtocolCommands"];
/** What differs from run to run. */
const VARYING = /(<[A-Za-z]+:(?:PolicyKey|SyncKey)>)[^<]+</g;

export interface AnsweredDocument {
  /** As the request named it; "-" = not at all. */
  readonly version: string;
  readonly bytes: Buffer;
}

export interface TranscriptParts {
  readonly states?: DeviceStates;
  readonly accounts?: Accounts;
  readonly classes?: readonly ItemClass[];
}

export class EasTranscriptHost implements TranscriptHost {
  /** Log lines of bugs. */
  readonly failures: string[] = [];
  /** Documents that were answered. */
  readonly answers: AnsweredDocument[] = [];
  readonly #states: DeviceStates;
  readonly #accounts: Accounts;
  readonly #classes: readonly ItemClass[];
  readonly #policy: Record<string, unknown> = {};
  #gateway: Gateway | undefined;

  /** Without parts an account that has no mailbox. */
  constructor(parts: TranscriptParts = {}) {
    this.#states = parts.states ?? new MemoryStates();
    this.#accounts = parts.accounts ?? new TestAccounts();
    this.#classes = parts.classes ?? [];
  }

  connect(client: string): Promise<TranscriptPeer> {
    return Promise.resolve(new EasPeer((this.#gateway ??= this.#open()), `device${client}`, this.answers));
  }

  /** `@ policy devicePasswordEnabled true` before the first request, `@ device wipe account` at any time. */
  async directive([word, name = "", value = ""]: readonly string[]): Promise<void> {
    const read =
      value === "true" ? true : value === "false" ? false : /^\d+$/.test(value) ? Number(value) : value;
    if (word === "policy") this.#policy[name] = read;
    else if (word === "device") {
      const changes: Partial<DeviceChanges> = { [name]: read };
      await this.#states.updateDevice(USER, "device", changes);
    } else throw new Error(`no directive "${word ?? ""}"`);
  }

  generalize(line: string): string {
    return line.replaceAll(VARYING, "$1<any><");
  }

  #open(): Gateway {
    const logs = new Logs({
      level: "error",
      format: "json",
      destination: (line) => this.failures.push(line),
    });
    return openGateway({
      accounts: this.#accounts,
      states: this.#states,
      classes: this.#classes,
      settings: easSettings(),
      policy: policySettings(this.#policy),
      clock: systemClock,
      random: systemRandom,
      logs: (name) => logs.named(name),
      metrics: new Metrics().room("eas"),
      traces: { append() {} },
    });
  }
}

class EasPeer implements TranscriptPeer {
  readonly #gateway: Gateway;
  readonly #deviceId: string;
  readonly #answers: AnsweredDocument[];
  readonly #lines: string[] = [];
  readonly #seen = new Map<string, string>();
  #request: string[] = [];
  #answering: Promise<void> = Promise.resolve();

  constructor(gateway: Gateway, deviceId: string, answers: AnsweredDocument[]) {
    this.#gateway = gateway;
    this.#deviceId = deviceId;
    this.#answers = answers;
  }

  send(bytes: Buffer): void {
    const line = bytes.toString("utf8").trimEnd();
    if (line !== "") {
      this.#request.push(line);
      return;
    }
    const request = this.#request.splice(0);
    this.#answering = this.#answering.then(() => this.#answer(request));
  }

  async line(): Promise<string | undefined> {
    await this.#answering;
    return this.#lines.shift();
  }

  waiting(): readonly string[] {
    return this.#lines;
  }

  async #answer([first = "", ...document]: readonly string[]): Promise<void> {
    const [method = "", command = "", version = "", ...words] = this.#fill(first).split(" ");
    const headers: Record<string, string> = {};
    for (const word of words) {
      const at = word.indexOf("=");
      headers[word.slice(0, at).toLowerCase()] = word.slice(at + 1);
    }
    const isWbxml = document.join("").trimStart().startsWith("<");
    const text = this.#fill(document.join("\n"));
    const body = isWbxml ? writeDocument(text) : Buffer.from(text, "latin1");
    const query = { Cmd: command, User: USER, DeviceId: this.#deviceId, DeviceType: "Test" };
    const answer = await this.#gateway.server.handle({
      method,
      query: new URLSearchParams({ ...query, ...parseQueryString(headers["query"] ?? "") }).toString(),
      headers: {
        authorization: printBasic({ name: USER, password: "secret" }),
        "content-type": WBXML_TYPE,
        ...(version === "-" ? {} : { "ms-asprotocolversion": version }),
        ...headers,
      },
      remoteAddress: "192.0.2.1",
      tls: true,
      body: () => Promise.resolve(body),
      gone: new AbortController().signal,
    });
    this.#lines.push(...show(answer));
    const bytes = documentOf(answer);
    if (bytes !== undefined) this.#answers.push({ version, bytes });
    for (const [, name = "", value = ""] of this.#lines
      .join("\n")
      .matchAll(/<[A-Za-z0-9]+:(\w+)>([^<]*)(?=<\/)/g)) {
      this.#seen.set(name, value);
    }
  }

  #fill(text: string): string {
    return text.replaceAll(/\{([A-Z]\w*)\}/g, (whole, name: string) => this.#seen.get(name) ?? whole);
  }
}

/** The WBXML of an answer: MS-ASCMD §2.2.1.10.1 (multipart) has it as its first part. */
function documentOf({ headers, body }: HttpAnswer): Buffer | undefined {
  const type = headers["Content-Type"];
  if (body.length === 0) return undefined;
  if (type === WBXML_TYPE) return body;
  return type === MULTIPART_TYPE ? parseMultipart(body)?.[0] : undefined;
}

function show({ status, headers, body }: HttpAnswer): string[] {
  const shown = SHOWN_HEADERS.flatMap((name) =>
    headers[name] === undefined ? [] : [`${name}: ${headers[name]}`],
  );
  if (body.length === 0) return [String(status), ...shown];
  const text =
    headers["Content-Type"] === WBXML_TYPE ? printWbxml(body, "full") : body.toString("utf8").trimEnd();
  return [String(status), ...shown, ...text.split("\n")];
}

/** `<Page:Name>text</Page:Name>` as WBXML. */
function writeDocument(xml: string): Buffer {
  const writer = new WbxmlWriter();
  for (const [, close, name = "", empty, text = ""] of xml.matchAll(/<(\/?)(\w+:\w+)(\/?)>|([^<]+)/g)) {
    if (name === "") {
      if (text.trim() !== "") writer.inline(text.trim());
    } else if (close === "/") writer.end();
    else if (empty === "/") writer.empty(tagOf(name));
    else writer.start(tagOf(name));
  }
  return writer.finish();
}
