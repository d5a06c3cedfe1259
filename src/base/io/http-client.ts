/** HTTP requests of gateways, probes and tests: kept connections, bounded answers, times out, follows nothing. */
import { Agent, type IncomingMessage, request as requestClear } from "node:http";
import { Agent as TlsAgent, request as requestTls } from "node:https";

export interface HttpClientOptions {
  /** False takes any certificate: self-signed test nodes. */
  readonly verifyCertificate?: boolean;
  readonly maxConnections?: number;
  /** False closes each connection after its answer, for servers that do so without saying it. */
  readonly keepConnections?: boolean;
  readonly maxAnswerBytes?: number;
}

export interface HttpRequest {
  readonly url: string;
  readonly method: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** Of the whole exchange. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
}

const MAX_ANSWER_BYTES = 256 * 2 ** 20;
const MAX_CONNECTIONS = 16;

export class HttpClient {
  readonly #clear: Agent;
  readonly #tls: TlsAgent;
  readonly #maxAnswerBytes: number;

  constructor(options: HttpClientOptions = {}) {
    const { verifyCertificate = true, maxConnections = MAX_CONNECTIONS, keepConnections = true } = options;
    this.#clear = new Agent({ keepAlive: keepConnections, maxSockets: maxConnections });
    this.#tls = new TlsAgent({
      keepAlive: keepConnections,
      maxSockets: maxConnections,
      rejectUnauthorized: verifyCertificate,
    });
    this.#maxAnswerBytes = options.maxAnswerBytes ?? MAX_ANSWER_BYTES;
  }

  /** @throws the Node error of a connection or certificate; Error for a time-out or an answer that is too large */
  send({ url, method, headers, body, timeoutMs, signal }: HttpRequest): Promise<HttpResponse> {
    const secure = url.startsWith("https:");
    const { promise, resolve, reject } = Promise.withResolvers<HttpResponse>();
    const options = {
      method,
      agent: secure ? this.#tls : this.#clear,
      headers: { ...headers, "Content-Length": String(body?.length ?? 0) },
      ...(signal === undefined ? {} : { signal }),
    };
    const outgoing = secure ? requestTls(url, options) : requestClear(url, options);
    const timer = setTimeout(
      () => outgoing.destroy(new Error(`no answer of ${new URL(url).host} within ${timeoutMs} ms`)),
      timeoutMs,
    );
    outgoing.once("error", reject);
    outgoing.once("response", (answer) => {
      readAll(answer, this.#maxAnswerBytes).then(
        (bytes) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: bytes }),
        reject,
      );
    });
    outgoing.end(body);
    return promise.finally(() => clearTimeout(timer));
  }

  close(): void {
    this.#clear.destroy();
    this.#tls.destroy();
  }
}

async function readAll(answer: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) {
      answer.destroy();
      throw new Error(`the answer has more than ${maxBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}
