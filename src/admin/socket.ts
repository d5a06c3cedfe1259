/**
 * The admin socket: HTTP over a Unix socket in the data folder, mode 0600, so that whoever may open it owns the data
 * anyway and no password is needed. `POST /mailbox.list` with a JSON object; a payload follows the object after a
 * line feed. The answer is JSON lines: any number of {"progress"} and {"row"}, then one {"result"} or {"error"}.
 * By hand: curl --unix-socket data/admin.sock -d '{"user":"alice"}' http://node/mailbox.list
 */
import { once } from "node:events";
import { chmodSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import type { NodeContext } from "./context.ts";
import { AdminError, describeFailure, type Failure } from "./failure.ts";
import { Fields } from "./fields.ts";
import { type Json, MAX_PAYLOAD_BYTES, type Operation, type Progress } from "./operation.ts";

const SOCKET_FILE = "admin.sock";
/** sun_path of sockaddr_un holds 108 bytes with the closing NUL (unix(7)). */
const MAX_SOCKET_PATH_BYTES = 107;

export interface AdminSocket {
  readonly path: string;
  /** Stops listening and waits for operations under way. */
  close(): Promise<void>;
}

export function adminSocketPath(dataFolder: string): string {
  return join(dataFolder, SOCKET_FILE);
}

/** Call with the folder's lock held: a socket file that is there was left by a process that is gone. */
export async function openAdminSocket(
  dataFolder: string,
  operations: readonly Operation[],
  node: NodeContext,
): Promise<AdminSocket> {
  const path = adminSocketPath(dataFolder);
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
    throw new AdminError("argument_invalid", `the path "${path}" is too long for a Unix socket`, {
      next: "Choose a data folder with a shorter path with --data.",
    });
  }
  const table = new Map(operations.map((operation) => [`/${operation.name}`, operation]));
  const server = createServer((request, response) => {
    void answer(request, response, table, node);
  });
  rmSync(path, { force: true });
  // The umask, not a later chmod alone, keeps others out from the first moment.
  const umask = process.umask(0o177);
  try {
    server.listen(path);
    await once(server, "listening");
  } finally {
    process.umask(umask);
  }
  chmodSync(path, 0o600);
  return {
    path,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeIdleConnections();
      await closed;
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  table: ReadonlyMap<string, Operation>,
  node: NodeContext,
): Promise<void> {
  response.setHeader("content-type", "application/x-ndjson");
  response.setHeader("connection", "close");
  try {
    const operation = table.get(request.url ?? "");
    if (operation === undefined || request.method !== "POST") {
      throw new AdminError(
        "operation_unknown",
        `"${request.method} ${request.url}" is no operation of this node`,
        {
          next: "The node may be older than this command: restart it, then try again.",
        },
      );
    }
    const { fields, payload } = splitBody(await readAll(request));
    const result = await operation.run(node, fields, {
      payload,
      row: (value) => send(response, { row: value }),
      progress: (step: Progress) => void send(response, { progress: { ...step } }),
    });
    await send(response, { result });
  } catch (error) {
    const failure = describeFailure(error);
    if (failure.kind === "internal")
      node.log.error("operation failed", { operation: request.url, err: error });
    await send(response, { error: failureToJson(failure) });
  }
  response.end();
}

async function send(response: ServerResponse, line: Json): Promise<void> {
  if (response.destroyed || response.write(`${JSON.stringify(line)}\n`)) return;
  await Promise.race([once(response, "drain"), once(response, "close")]);
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_PAYLOAD_BYTES) {
      throw new AdminError("request_too_big", `the request is larger than ${MAX_PAYLOAD_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function splitBody(body: Buffer): { fields: Fields; payload: Buffer } {
  const end = body.indexOf("\n");
  const head = (end < 0 ? body : body.subarray(0, end)).toString();
  let input: unknown;
  try {
    input = head === "" ? {} : JSON.parse(head);
  } catch (error) {
    throw new AdminError("argument_invalid", "the arguments are not JSON", { cause: error });
  }
  return { fields: new Fields(input), payload: end < 0 ? Buffer.alloc(0) : body.subarray(end + 1) };
}

function failureToJson(failure: Failure): Json {
  const { kind, code, message, next } = failure;
  return next === undefined ? { kind, code, message } : { kind, code, message, next };
}
