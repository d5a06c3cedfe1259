/**
 * An ActiveSync client: for tests, `rookery probe eas` and benchmarks. Speaks every version, both forms of the query and
 * gzip; takes the policy by itself when the server asks for it, as devices do. Sync and its kin are in client-sync.ts.
 */
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { HttpClient, type HttpResponse } from "../base/io/http-client.ts";
import { type Tag, tagOf } from "../wire/wbxml/code-pages.ts";
import { WbxmlWriter } from "../wire/wbxml/writer.ts";
import { printBasic } from "./authorization.ts";
import { type Element, parseElement } from "./element.ts";
import { parseMultipart, WBXML_TYPE } from "./http-answer.ts";
import { printBase64Query } from "./query-string.ts";
import { type ProtocolVersion, printVersion } from "./version.ts";

export interface EasClientSettings {
  /** `http://127.0.0.1:8082`, without path. */
  readonly url: string;
  readonly path?: string;
  readonly user: string;
  readonly password: string;
  readonly version?: ProtocolVersion;
  readonly deviceId?: string;
  readonly deviceType?: string;
  readonly userAgent?: string;
  /** The base64 form of the query, as Windows Phone sends it. */
  readonly base64Query?: boolean;
  readonly gzip?: boolean;
  readonly verifyCertificate?: boolean;
  /** False = a connection for each request. */
  readonly keepConnections?: boolean;
  readonly timeoutMs?: number;
}

export interface EasRequestExtras {
  readonly parameters?: Readonly<Record<string, string>>;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly acceptMultipart?: boolean;
  readonly signal?: AbortSignal;
  /** For held requests, which take longer than `timeoutMs`. */
  readonly timeoutMs?: number;
}

export interface EasResponse {
  readonly status: number;
  readonly headers: HttpResponse["headers"];
  readonly body: Buffer;
  /** Root element; undefined when the body is empty or no WBXML. */
  readonly root: Element | undefined;
  /** Parts after the WBXML one of a multipart answer. */
  readonly parts: readonly Buffer[];
}

/** The server answered with an HTTP error, or with a status that the caller did not expect. */
export class EasClientError extends Error {
  override name = "EasClientError";
  /** HTTP status. */
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const DEFAULT_PATH = "/Microsoft-Server-ActiveSync";
const DEFAULT_TIMEOUT_MS = 60_000;
const POLICY_TYPE = "MS-EAS-Provisioning-WBXML";
const POLICY_STATUSES = new Set(["142", "143", "144"]);
const unzip = promisify(gunzip);
const tags = {
  provision: tagOf("Provision:Provision"),
  policies: tagOf("Provision:Policies"),
  policy: tagOf("Provision:Policy"),
  policyType: tagOf("Provision:PolicyType"),
  policyKey: tagOf("Provision:PolicyKey"),
  status: tagOf("Provision:Status"),
  data: tagOf("Provision:Data"),
  deviceInformation: tagOf("Settings:DeviceInformation"),
  set: tagOf("Settings:Set"),
  model: tagOf("Settings:Model"),
};

export class EasClient {
  readonly settings: EasClientSettings;
  readonly version: ProtocolVersion;
  policyKey = 0;
  readonly #http: HttpClient;

  constructor(settings: EasClientSettings) {
    this.settings = settings;
    this.version = settings.version ?? 161;
    const { verifyCertificate = true, keepConnections = true } = settings;
    this.#http = new HttpClient({ verifyCertificate, keepConnections });
  }

  /** Kept connections. */
  close(): void {
    this.#http.close();
  }

  /** @throws EasClientError */
  async options(): Promise<{ readonly versions: readonly string[]; readonly commands: readonly string[] }> {
    const response = await this.#exchange("OPTIONS", this.#url(), {}, undefined);
    if (response.status !== 200) throw new EasClientError(response.status, `OPTIONS got ${response.status}`);
    const list = (name: string): string[] => String(response.headers[name] ?? "").split(",");
    return { versions: list("ms-asprotocolversions"), commands: list("ms-asprotocolcommands") };
  }

  /** Any bytes, any answer. */
  async post(command: string, body: Buffer | undefined, extras: EasRequestExtras = {}): Promise<EasResponse> {
    const { version } = this;
    const headers: Record<string, string> = {};
    const query = this.#query(command, extras);
    if (this.settings.base64Query !== true) {
      headers["MS-ASProtocolVersion"] = printVersion(version);
      headers["X-MS-PolicyKey"] = String(this.policyKey);
      if (extras.acceptMultipart === true) headers["MS-ASAcceptMultiPart"] = "T";
    }
    if (body !== undefined) headers["Content-Type"] = extras.contentType ?? WBXML_TYPE;
    Object.assign(headers, extras.headers);
    const response = await this.#exchange("POST", `${this.#url()}?${query}`, { ...extras, headers }, body);
    return parseResponse(response);
  }

  /**
   * Sends a command, with a policy first where the server wants one, and answers its document; undefined for an empty 200.
   * @throws EasClientError for every other HTTP status
   */
  async command(
    name: string,
    build: ((writer: WbxmlWriter) => void) | undefined,
    extras: EasRequestExtras = {},
  ): Promise<Element | undefined> {
    const body = build === undefined ? undefined : document(build);
    let response = await this.post(name, body, extras);
    if (wantsPolicy(response)) {
      await this.provision();
      response = await this.post(name, body, extras);
    }
    if (response.status !== 200) {
      throw new EasClientError(
        response.status,
        `${name} got ${response.status} ${response.body.toString("utf8").trim()}`,
      );
    }
    return response.root;
  }

  /** Both phases of MS-ASPROV §3.1.5.1; answers the EASProvisionDoc. */
  async provision(): Promise<Element> {
    const offered = await this.#provisionPhase((writer) => {
      if (this.version >= 141) {
        writer
          .start(tags.deviceInformation)
          .start(tags.set)
          .text(tags.model, "Rookery test device")
          .end()
          .end();
      }
      writer.start(tags.policies).start(tags.policy).text(tags.policyType, POLICY_TYPE).end().end();
    });
    const taken = await this.#provisionPhase((writer) => {
      writer.start(tags.policies).start(tags.policy);
      writer.text(tags.policyType, POLICY_TYPE).text(tags.policyKey, offered.key).text(tags.status, 1);
      writer.end().end();
    });
    this.policyKey = taken.key;
    if (offered.document === undefined) throw new EasClientError(200, "the first phase brought no policy");
    return offered.document;
  }

  async #provisionPhase(
    build: (writer: WbxmlWriter) => void,
  ): Promise<{ readonly key: number; readonly document: Element | undefined }> {
    const { status, root } = await this.post(
      "Provision",
      document((writer) => {
        writer.start(tags.provision);
        build(writer);
        writer.end();
      }),
    );
    const policy = root?.child(tags.policies)?.child(tags.policy);
    const key = policy?.numberOf(tags.policyKey);
    if (status !== 200 || key === undefined || policy?.textOf(tags.status) !== "1") {
      throw new EasClientError(
        status,
        `Provision got ${status}, status ${policy?.textOf(tags.status) ?? "none"}`,
      );
    }
    return { key, document: policy.child(tags.data)?.children[0] };
  }

  #url(): string {
    return this.settings.url + (this.settings.path ?? DEFAULT_PATH);
  }

  #query(command: string, { parameters = {}, acceptMultipart = false }: EasRequestExtras): string {
    const {
      user,
      deviceId = "rookerytest1",
      deviceType = "RookeryTest",
      base64Query = false,
    } = this.settings;
    if (base64Query) {
      const { version, policyKey } = this;
      const map = new Map(Object.entries(parameters));
      const query = { command, deviceId, deviceType, version, policyKey, acceptMultipart, parameters: map };
      return encodeURIComponent(printBase64Query(query));
    }
    const given = { Cmd: command, User: user, DeviceId: deviceId, DeviceType: deviceType, ...parameters };
    return new URLSearchParams(given).toString();
  }

  async #exchange(
    method: string,
    url: string,
    { headers, signal, timeoutMs }: EasRequestExtras,
    body: Buffer | undefined,
  ): Promise<HttpResponse> {
    const { user, password, userAgent = "Rookery/1", gzip = false } = this.settings;
    const response = await this.#http.send({
      url,
      method,
      headers: {
        Authorization: printBasic({ name: user, password }),
        "User-Agent": userAgent,
        ...(gzip ? { "Accept-Encoding": "gzip" } : {}),
        ...headers,
      },
      timeoutMs: timeoutMs ?? this.settings.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    });
    if (response.headers["content-encoding"] !== "gzip") return response;
    return { ...response, body: await unzip(response.body) };
  }
}

/** A whole document. */
export function document(build: (writer: WbxmlWriter) => void): Buffer {
  const writer = new WbxmlWriter();
  build(writer);
  return writer.finish();
}

/** 449, or one of the statuses that stand for it from 14.0 on. */
function wantsPolicy({ status, root }: EasResponse): boolean {
  if (status === 449) return true;
  const [first] = root?.children ?? [];
  return first !== undefined && isStatus(first.tag) && POLICY_STATUSES.has(first.text);
}

function isStatus(tag: Tag): boolean {
  return STATUS_TAGS.has(tag);
}
const STATUS_TAGS: ReadonlySet<Tag> = new Set(
  [
    "AirSync",
    "FolderHierarchy",
    "Move",
    "GetItemEstimate",
    "MeetingResponse",
    "Search",
    "Find",
    "Settings",
    "Ping",
    "ItemOperations",
    "Provision",
    "ResolveRecipients",
    "ValidateCert",
    "ComposeMail",
  ].map((page) => tagOf(`${page}:Status`)),
);

function parseResponse({ status, headers, body }: HttpResponse): EasResponse {
  const type = String(headers["content-type"] ?? "");
  if (type.includes("multipart")) {
    const parts = parseMultipart(body);
    const [first, ...rest] = parts ?? [];
    if (first === undefined) throw new EasClientError(status, "the multipart answer is malformed");
    return { status, headers, body, root: parseElement(first), parts: rest };
  }
  const root = type === WBXML_TYPE && body.length > 0 ? parseElement(body) : undefined;
  return { status, headers, body, root, parts: [] };
}
