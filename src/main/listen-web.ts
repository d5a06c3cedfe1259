/** The HTTP listeners of a node: one in the clear for probes and proxies, one with TLS for phones. */
import type { Listener, TlsServer } from "../base/io/network.ts";
import type { NetworkList } from "../base/networks.ts";
import type { HostPort } from "../config/kinds.ts";
import { healthRoutes } from "../http/health.ts";
import { type HttpRoutes, listenHttp } from "../http/http.ts";
import { metricsRoutes } from "../http/metrics-routes.ts";
import { type Endpoint, reachableHost } from "./endpoint.ts";
import { healthChecks } from "./health-checks.ts";
import type { Platform } from "./platform.ts";

export interface WebOptions {
  readonly platform: Platform;
  readonly dataFolder: string;
  readonly tls: TlsServer;
  readonly trustedProxies: NetworkList;
  readonly listen: { readonly http: readonly HostPort[]; readonly https: readonly HostPort[] };
  /** Served with TLS and without. Health and metrics are served in the clear only, where probes ask for them. */
  readonly gateways: readonly HttpRoutes[];
  readonly failedToListen: (host: string, port: number, error: unknown) => never;
  /** Hears of each listener that is open. */
  readonly onListening: (service: "http" | "https", listener: Listener, endpoint: Endpoint) => void;
}

export async function listenWeb(options: WebOptions): Promise<void> {
  const { platform, dataFolder, tls, trustedProxies, listen, gateways, failedToListen } = options;
  const { logs, metrics } = platform;
  const probes = [healthRoutes(healthChecks(platform, dataFolder)), metricsRoutes(metrics)];
  for (const service of ["http", "https"] as const) {
    // Without a gateway there is nothing that phones could ask for.
    if (service === "https" && gateways.length === 0) continue;
    for (const { host, port } of listen[service]) {
      const listener = await listenHttp({
        host,
        port,
        trustedProxies,
        routes: service === "http" ? [...probes, ...gateways] : gateways,
        ...(service === "https" ? { tls } : {}),
        log: logs.named("http"),
        metrics: metrics.room("http"),
      }).catch((error: unknown) => failedToListen(host, port, error));
      options.onListening(service, listener, {
        host: reachableHost({ host, port }),
        port: listener.port,
        tls: service === "https",
      });
    }
  }
}
