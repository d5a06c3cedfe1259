/**
 * A route of the API, declared once: Fastify's route, the check of what comes in and the OpenAPI document are made of it.
 */
import type { MigrationDatabase } from "../database/open.ts";

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Of the response: version 1 clients expect every key in an answer, with null where there is no value (S4.85). */
export type ApiVersion = 1 | 2;

export interface ApiRequest {
  readonly version: ApiVersion;
  readonly path: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
  /** Checked against the route's schema; {} when there is none. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Of the customer's key; "" on admin routes. */
  readonly source: string;
  readonly migration: MigrationDatabase;
}

export interface ApiAnswer {
  readonly status: 200 | 201 | 204;
  readonly body?: unknown;
}

export interface ApiRoute {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Below the version, as in OpenAPI: `/sources/{source}`. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly body?: JsonSchema;
  readonly query?: JsonSchema;
  /** Schema of the answer; none = nothing is said. */
  readonly answer?: JsonSchema;
  readonly status?: 201 | 204;
  /** @throws MigrateError, SqlError */
  run(request: ApiRequest): Promise<unknown>;
}

/** An API with its door. */
export interface Api {
  /** `/dmf/admin/api` */
  readonly prefix: string;
  readonly door: "admin" | "customer";
  readonly routes: readonly ApiRoute[];
}
