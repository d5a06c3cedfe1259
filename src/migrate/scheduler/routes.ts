/**
 * The scheduler: the APIs of the Dovecot Migration Framework at the same paths, with their documentation, health, metrics
 * and loggers. Keeps nothing but what stands in the database, so any number of them serve one migration (S4.46, S4.78).
 */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../../base/io/clock.ts";
import type { Log, Logs } from "../../base/log.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { HttpRoutes } from "../../http/http.ts";
import type { MigrationDatabase } from "../database/open.ts";
import { MigrateError } from "../errors.ts";
import { Access, type AccessOptions } from "./access.ts";
import { adminRoutes } from "./admin-routes.ts";
import { answerError, readEmptyJson, serveApis } from "./api.ts";
import { customerRoutes } from "./customer-routes.ts";
import { documentationRoutes } from "./documentation.ts";
import { type HealthOptions, readHealth } from "./health.ts";
import { listLoggers, setLogger, showLogger } from "./loggers.ts";
import { findMetric, metricNames, type ProcessFigures } from "./metric-names.ts";
import type { Api } from "./route.ts";

export interface SchedulerOptions {
  /** APIS, or none: a worker has health, metrics and loggers alone (S4.18). */
  readonly apis: readonly Api[];
  readonly migration: MigrationDatabase;
  readonly access: Omit<AccessOptions, "sources">;
  readonly health: Omit<HealthOptions, "sql" | "clock">;
  readonly clock: Clock;
  readonly documentation: "anonymous" | "authenticated" | "off";
  readonly metricsAccess: "anonymous" | "authenticated" | "off";
  readonly metrics: Metrics;
  readonly logs: Logs;
  readonly log: Log;
  readonly version: string;
  readonly readFigures: () => ProcessFigures;
  /** Of an installed package. */
  readonly readFile: (path: string) => Buffer;
}

export const APIS: readonly Api[] = [
  { prefix: "/dmf/admin/api", door: "admin", routes: adminRoutes },
  { prefix: "/dmf/api", door: "customer", routes: customerRoutes },
];

export function schedulerRoutes(options: SchedulerOptions): HttpRoutes {
  const { apis, migration, log, version } = options;
  const access = new Access({ ...options.access, sources: migration.sources });
  if (!access.hasAdministrator) {
    log.warn("nobody can use the admin API: migrate.admin_username or migrate.admin_password is not set");
  }
  const administrator = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    access.checkAddress(request);
    await access.administrator(request, reply);
  };
  const anybody = (request: FastifyRequest): Promise<void> => {
    access.checkAddress(request);
    return Promise.resolve();
  };
  return (root) => {
    // Errors and bodies of this room's routes alone.
    void root.register((app, _settings, done) => {
      app.setErrorHandler((error, request, reply) => answerError(log, error, request, reply));
      readEmptyJson(app);
      serveApis(app, { apis, access, migration, log });
      if (options.documentation !== "off" && apis.length > 0) {
        documentationRoutes(app, {
          version,
          apiKeyHeader: options.access.apiKeyHeader,
          apis,
          allow: options.documentation === "anonymous" ? anybody : administrator,
          readFile: options.readFile,
        });
      }
      app.get("/health", { onRequest: anybody }, async (request, reply) => {
        const withDetails = request.headers.authorization !== undefined;
        if (withDetails) await access.administrator(request, reply);
        const { isUp, body } = await readHealth(
          { ...options.health, clock: options.clock, sql: migration.sql },
          withDetails,
        );
        return reply.code(isUp ? 200 : 503).send(body);
      });
      if (options.metricsAccess !== "off") {
        const { metrics } = options;
        const allow = options.metricsAccess === "anonymous" ? anybody : administrator;
        app.get("/prometheus", { onRequest: allow }, async (_request, reply) =>
          reply.header("content-type", metrics.contentType).send(await metrics.text()),
        );
        app.get("/metrics", { onRequest: allow }, async () => ({
          names: metricNames(await metrics.families()),
        }));
        app.get("/metrics/:name", { onRequest: allow }, async (request) => {
          const { name = "" } = request.params as { name?: string };
          const { tag = [] } = request.query as { tag?: string | string[] };
          const found = findMetric(name, await metrics.families(), options.readFigures(), [tag].flat());
          if (found === undefined) throw new MigrateError("not_found", `there is no metric "${name}"`);
          return found;
        });
      }
      app.get("/loggers", { onRequest: administrator }, () => listLoggers(options.logs));
      app.get("/loggers/:name", { onRequest: administrator }, (request) =>
        showLogger(options.logs, (request.params as { name: string }).name),
      );
      app.post("/loggers/:name", { onRequest: administrator }, (request, reply) => {
        const { name } = request.params as { name: string };
        const { configuredLevel } = (request.body ?? {}) as { configuredLevel?: unknown };
        setLogger(options.logs, name, configuredLevel);
        log.info("log level changed", { logger: name, level: configuredLevel });
        return reply.code(200).send();
      });
      done();
    });
  };
}
