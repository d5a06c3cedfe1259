/** Serves the routes of the APIs under their versions, behind their doors. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { SqlError, type SqlErrorCode } from "../../base/io/sql/port.ts";
import type { Log } from "../../base/log.ts";
import type { MigrationDatabase } from "../database/open.ts";
import { MigrateError, type MigrateErrorCode } from "../errors.ts";
import { type Access, AccessError } from "./access.ts";
import type { Api, ApiRoute, ApiVersion } from "./route.ts";

export interface ServeApiOptions {
  readonly apis: readonly Api[];
  readonly access: Access;
  readonly migration: MigrationDatabase;
  readonly log: Log;
}

export function serveApis(app: FastifyInstance, options: ServeApiOptions): void {
  for (const api of options.apis) {
    for (const route of api.routes) {
      serve(app, options, api, route, 2);
      serve(app, options, api, route, 1);
      // S4.84: without a version in the path, headers choose it.
      serve(app, options, api, route, undefined);
    }
  }
}

function serve(
  app: FastifyInstance,
  { access, migration }: ServeApiOptions,
  { prefix, door }: Api,
  route: ApiRoute,
  pathVersion: ApiVersion | undefined,
): void {
  const path = route.path.replaceAll(/\{(\w+)\}/g, ":$1");
  app.route({
    method: route.method,
    url: `${prefix}${pathVersion === undefined ? "" : `/v${pathVersion}`}${path}`,
    schema: {
      ...(route.body !== undefined && { body: route.body }),
      ...(route.query !== undefined && { querystring: route.query }),
    },
    async onRequest(request, reply) {
      access.checkAddress(request);
      if (door === "admin") await access.administrator(request, reply);
      else sources.set(request, await access.customer(request));
    },
    async handler(request, reply) {
      const answer = await route.run({
        version: pathVersion ?? headerVersion(request),
        path: request.params as Record<string, string>,
        query: (request.query ?? {}) as Record<string, unknown>,
        body: (request.body ?? {}) as Record<string, unknown>,
        source: sources.get(request) ?? "",
        migration,
      });
      const status = route.status ?? 200;
      return status === 204 ? reply.code(204).send() : reply.code(status).send(answer);
    },
  });
}

const sources = new WeakMap<FastifyRequest, string>();

/** @throws MigrateError not_found for a version that nobody serves */
function headerVersion({ headers }: FastifyRequest): ApiVersion {
  const given = headers["x-api-version"] ?? headers["accept-version"];
  if (given === undefined) return 1;
  const version = /^v?([12])$/i.exec(String(given))?.[1];
  if (version === undefined)
    throw new MigrateError("not_found", `there is no API version "${String(given)}"`);
  return version === "1" ? 1 : 2;
}

const STATUS_OF_REFUSAL: Record<MigrateErrorCode, number> = {
  invalid: 400,
  not_found: 404,
  conflict: 409,
  in_use: 409,
  not_allowed: 403,
  no_key: 400,
};
const STATUS_OF_SQL: Record<SqlErrorCode, number> = {
  unavailable: 503,
  disk_full: 507,
  constraint: 409,
  refused: 500,
};

/** Refusals say what is wrong; what is ours to mend is logged in full and told in short. */
export function answerError(
  log: Log,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (error instanceof AccessError) return reply.code(error.statusCode).send({ message: error.message });
  if (error instanceof MigrateError) {
    return reply.code(STATUS_OF_REFUSAL[error.code]).send({ message: error.message, code: error.code });
  }
  const status =
    error instanceof SqlError
      ? STATUS_OF_SQL[error.code]
      : error instanceof Error && "statusCode" in error
        ? Number(error.statusCode)
        : 500;
  if (status < 500) {
    const message = error instanceof Error && !(error instanceof SqlError) ? error.message : "conflict";
    return reply.code(status).send({ message, code: status === 400 ? "invalid" : "refused" });
  }
  log.error("request failed", { err: error, method: request.method, route: request.routeOptions.url });
  const isAway = status === 503;
  if (isAway) void reply.header("retry-after", "5");
  return reply.code(status).send({
    message: isAway ? "the database is away" : "internal error",
    code: isAway ? "unavailable" : "internal",
  });
}

/** As Fastify's, but a request that says JSON and has no body is one without (S4.43's example is). */
export function readEmptyJson(app: FastifyInstance): void {
  app.removeContentTypeParser("application/json");
  app.addContentTypeParser("application/json", { parseAs: "string" }, (_request, body, done) => {
    if (body === "") {
      done(null, undefined);
      return;
    }
    try {
      done(null, JSON.parse(String(body)));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      done(Object.assign(new Error(`the body is no JSON: ${reason}`), { statusCode: 400 }));
    }
  });
}
