import type { HttpRoutes } from "./http.ts";

/** Undefined when all is well, else what is wrong, in one line. */
export type HealthCheck = () => string | undefined | Promise<string | undefined>;

/** `GET /health`: 200 when every check passes, else 503; the body names each check. */
export function healthRoutes(checks: Readonly<Record<string, HealthCheck>>): HttpRoutes {
  return (app) => {
    app.get("/health", async (_request, reply) => {
      const results = await Promise.all(
        Object.entries(checks).map(async ([name, check]) => [name, (await check()) ?? "ok"] as const),
      );
      const healthy = results.every(([, result]) => result === "ok");
      return reply
        .code(healthy ? 200 : 503)
        .send({ status: healthy ? "ok" : "failing", checks: Object.fromEntries(results) });
    });
  };
}
