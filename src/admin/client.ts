import { request as httpRequest, type IncomingMessage } from "node:http";
import { createInterface } from "node:readline";
import { AdminError, type Failure, ReportedFailure } from "./failure.ts";
import type { Json, Progress } from "./operation.ts";

export interface Call {
  readonly operation: string;
  readonly arguments: { readonly [name: string]: Json };
  readonly payload?: Buffer;
  readonly onRow: (row: Json) => void;
  readonly onProgress: (step: Progress) => void;
}

/**
 * Runs an operation in the node behind the socket.
 * @throws ReportedFailure what the node answered; AdminError node_not_running when nobody listens, node_stopped
 */
export async function callNode(socketPath: string, call: Call): Promise<Json> {
  const response = await post(socketPath, call);
  try {
    for await (const text of createInterface({ input: response, crlfDelay: Number.POSITIVE_INFINITY })) {
      const line = JSON.parse(text) as AnswerLine;
      if (line.error !== undefined) throw new ReportedFailure({ next: undefined, ...line.error });
      if (line.row !== undefined) call.onRow(line.row);
      if (line.progress !== undefined) call.onProgress(line.progress);
      if (line.result !== undefined) return line.result;
    }
  } catch (error) {
    // An answer that breaks off; what the caller throws is his.
    if (error === response.errored) throw nodeStopped(call, error);
    throw error;
  }
  throw nodeStopped(call, undefined);
}

function nodeStopped({ operation }: Call, cause: unknown): AdminError {
  return new AdminError("node_stopped", `the node stopped meanwhile: ${operation} is not finished`, {
    cause,
    next: "See the node's log, start it again and repeat the command.",
  });
}

interface AnswerLine {
  readonly row?: Json;
  readonly progress?: Progress;
  readonly result?: Json;
  readonly error?: Omit<Failure, "next"> & { readonly next?: string };
}

function post(socketPath: string, call: Call): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      { socketPath, path: `/${call.operation}`, method: "POST", agent: false },
      resolve,
    );
    sent.on("error", (error: NodeJS.ErrnoException) => {
      const { code, message } = error;
      if (code === "ENOENT" || code === "ECONNREFUSED") {
        reject(new AdminError("node_not_running", `no node listens on "${socketPath}"`, { cause: error }));
      } else if (code === "ECONNRESET" || code === "EPIPE") reject(nodeStopped(call, error));
      else reject(new Error(`cannot talk to the node on "${socketPath}": ${message}`, { cause: error }));
    });
    sent.write(JSON.stringify(call.arguments));
    sent.write("\n");
    sent.end(call.payload);
  });
}
