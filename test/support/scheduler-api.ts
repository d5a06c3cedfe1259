/** The scheduler's REST API as its clients use it, over HTTPS. */
import assert from "node:assert/strict";
import { request as makeRequest } from "node:https";
import { setTimeout as pause } from "node:timers/promises";
import type { RunningNode } from "./running-node.ts";

export type Record = Readonly<globalThis.Record<string, unknown>>;

export interface ApiAnswer {
  readonly status: number;
  readonly body: string;
}

export const ADMIN = { name: "admin", password: "of-the-administrator" };
const LOOKS = 9_000;
const LOOK_MS = 100;

export class SchedulerApi {
  /** Whichever node has the scheduler now. */
  readonly #node: () => RunningNode;

  constructor(node: () => RunningNode) {
    this.#node = node;
  }

  async admin(method: string, path: string, body?: unknown): Promise<unknown> {
    const credentials = Buffer.from(`${ADMIN.name}:${ADMIN.password}`).toString("base64");
    const headers = { authorization: `Basic ${credentials}` };
    return good(await this.#send(method, `/dmf/admin/api/v2${path}`, body, headers));
  }

  async customer(apiKey: string, method: string, path: string, body?: unknown): Promise<Record> {
    return good(
      await this.#send(method, `/dmf/api/v2/users${path}`, body, { "x-api-key": apiKey }),
    ) as Record;
  }

  /** Waits for the end of the user's latest migration. */
  async ended(apiKey: string, user: string): Promise<Record> {
    for (let look = 0; look < LOOKS; look++) {
      const record = await this.customer(apiKey, "GET", `/${user}/migrations/latest`);
      if (record["status"] !== "READY" && record["status"] !== "SYNC") return record;
      await pause(LOOK_MS);
    }
    throw new Error(`the migration of ${user} does not end:\n${this.#node().log.slice(-30).join("\n")}`);
  }

  #send(
    method: string,
    path: string,
    body: unknown,
    headers: globalThis.Record<string, string>,
  ): Promise<ApiAnswer> {
    const { host, port } = this.#node().endpoint("scheduler");
    const type = body === undefined ? {} : { "content-type": "application/json" };
    return new Promise((resolve, reject) => {
      // Each process makes its own certificate.
      const options = { host, port, path, method, agent: false, rejectUnauthorized: false } as const;
      const request = makeRequest({ ...options, headers: { ...headers, ...type } }, (response) => {
        response
          .toArray()
          .then((chunks) => resolve({ status: response.statusCode ?? 0, body: chunks.join("") }), reject);
      });
      request.on("error", reject);
      if (body !== undefined) request.write(JSON.stringify(body));
      request.end();
    });
  }
}

function good({ status, body }: ApiAnswer): unknown {
  assert.ok(status >= 200 && status < 300, `${status} ${body}`);
  return body === "" ? undefined : JSON.parse(body);
}
