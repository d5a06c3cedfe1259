/**
 * Runs an operation where the data folder's owner is: in the running node through its admin socket, or here, with the
 * lock taken and the store opened, when none runs.
 */
import { existsSync } from "node:fs";
import { callNode } from "../admin/client.ts";
import { AdminError } from "../admin/failure.ts";
import { Fields } from "../admin/fields.ts";
import { lockDataFolder } from "../admin/lock.ts";
import type { Json, Outcome, Progress } from "../admin/operation.ts";
import { operations } from "../admin/operations.ts";
import { adminSocketPath } from "../admin/socket.ts";
import { assert } from "../base/assert.ts";
import type { Config } from "../config/load.ts";
import { nodeOptions } from "./node-options.ts";

export interface OperationRequest {
  readonly operation: string;
  /** undefined values are left out. */
  readonly arguments: { readonly [name: string]: Json | undefined };
  readonly payload?: Buffer;
}

/** @throws AdminError, ReportedFailure and whatever the operation refuses with */
export async function runOperation(
  config: Config,
  request: OperationRequest,
  onProgress: (progress: Progress) => void,
  onRow: (row: Json) => void = () => {},
): Promise<Outcome> {
  const { dataFolder } = config.get(nodeOptions);
  if (!existsSync(dataFolder)) {
    throw new AdminError("data_folder_missing", `there is no data folder "${dataFolder}"`, {
      next: "Name it with --data DIR or --config FILE, or make one with: rookery up",
    });
  }
  const given = Object.fromEntries(
    Object.entries(request.arguments).filter(([, value]) => value !== undefined),
  );
  const rows: Json[] = [];
  const add = (row: Json): void => {
    rows.push(row);
    onRow(row);
  };
  const call = {
    ...request,
    arguments: given as Record<string, Json>,
    onRow: add,
    onProgress,
  };
  try {
    return { result: await callNode(adminSocketPath(dataFolder), call), rows };
  } catch (error) {
    if (!(error instanceof AdminError) || error.code !== "node_not_running") throw error;
  }
  return {
    result: await runHere(config, dataFolder, request.operation, given, request.payload, add, onProgress),
    rows,
  };
}

async function runHere(
  config: Config,
  dataFolder: string,
  name: string,
  given: object,
  payload: Buffer | undefined,
  add: (row: Json) => void,
  onProgress: (progress: Progress) => void,
): Promise<Json> {
  const operation = operations.find((candidate) => candidate.name === name);
  assert(operation !== undefined, `operation ${name} is not in the table`);
  const lock = lockWhenIdle(dataFolder);
  try {
    // Loaded here, so that a command that talks to a running node starts without the whole platform.
    const { openPlatform } = await import("./platform.ts");
    const platform = await openPlatform(config, { logLevel: "error" });
    try {
      return await operation.run(platform.context, new Fields(given), {
        payload: payload ?? Buffer.alloc(0),
        row: (value) => Promise.resolve(add(value)),
        progress: onProgress,
      });
    } finally {
      await platform.close();
    }
  } finally {
    lock.release();
  }
}

function lockWhenIdle(dataFolder: string): { release(): void } {
  try {
    return lockDataFolder(dataFolder);
  } catch (error) {
    if (!(error instanceof AdminError) || error.code !== "data_folder_in_use") throw error;
    throw new AdminError(
      "data_folder_in_use",
      `${error.message}, which does not answer on its admin socket`,
      {
        cause: error,
        next: "The node is starting or stopping, or another command works on the folder: try again in a moment.",
      },
    );
  }
}
