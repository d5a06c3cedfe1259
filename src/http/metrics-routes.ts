import type { Metrics } from "../base/metrics.ts";
import type { HttpRoutes } from "./http.ts";

/** `GET /metrics`, for Prometheus. */
export function metricsRoutes(metrics: Metrics): HttpRoutes {
  return (app) => {
    app.get("/metrics", async (_request, reply) =>
      reply.header("content-type", metrics.contentType).send(await metrics.text()),
    );
  };
}
