/**
 * The HTTP listeners of the process. Rooms export routes (a function that registers them); each listener serves all
 * routes given to it, with or without TLS. Bodies, headers, connections and slow requests are bounded here.
 */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import { type FastifyInstance, fastify } from "fastify";
import type { Listener, TlsServer } from "../base/io/network.ts";
import type { Log } from "../base/log.ts";
import type { RoomMetrics } from "../base/metrics.ts";
import { NetworkList } from "../base/networks.ts";
import { interposeAccept } from "../base/io/http-accept.ts";

/** Registers a room's routes. Paths are absolute; a room with larger bodies sets `bodyLimit` on its routes. */
export type HttpRoutes = (app: FastifyInstance) => void;

export interface HttpOptions {
  /** "" = every address of the machine. */
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  /** Undefined = in the clear. */
  readonly tls?: TlsServer | undefined;
  /**
   * Load balancers. Their connections may begin with a PROXY protocol header, and their X-Forwarded-For,
   * X-Forwarded-Proto and X-Forwarded-Host are believed: `request.ip` is the client's address. Nobody else's are.
   */
  readonly trustedProxies?: NetworkList | undefined;
  readonly routes: readonly HttpRoutes[];
  readonly log: Log;
  readonly metrics: RoomMetrics;
}

/** For routes that set none: forms and small JSON. */
const MAX_BODY_BYTES = 1024 * 1024;
/** Characters of a name in a path: mail addresses have up to 320, each perhaps of several bytes. */
const MAX_PARAMETER = 2_048;
/** A phone that waits for mail keeps one. */
const MAX_CONNECTIONS = 65_536;
const HEADERS_TIMEOUT_MS = 20_000;
/** For the whole request; routes of large uploads read their body as a stream inside it. */
const REQUEST_TIMEOUT_MS = 300_000;
const KEEP_ALIVE_TIMEOUT_MS = 75_000;
/** Requests under way get this long when the listener closes. */
const CLOSE_TIMEOUT_MS = 3_000;
const NOBODY = new NetworkList([]);

/** Resolves when the listener is bound. @throws the Node error (EADDRINUSE, EACCES …) */
export async function listenHttp(options: HttpOptions): Promise<Listener> {
  const { log, tls, trustedProxies = NOBODY } = options;
  const app = fastify({
    bodyLimit: MAX_BODY_BYTES,
    forceCloseConnections: "idle",
    // Phones ask for /autodiscover/autodiscover.xml in any case; names in paths keep theirs.
    routerOptions: { caseSensitive: false, maxParamLength: MAX_PARAMETER },
    serverFactory: (handle) => makeServer(handle),
    trustProxy: (address) => trustedProxies.contains(address),
  });
  const dropStarting = interposeAccept(app.server, {
    tls,
    trustedProxies,
    alpn: "http/1.1",
    onRefused: (reason, remote) => log.debug("connection refused", { reason, remote }),
  });
  observe(app, options);
  for (const register of options.routes) register(app);
  await app.listen({ port: options.port, host: options.host === "" ? everyAddress() : options.host });
  const address = app.server.address() as AddressInfo;
  return {
    host: address.address,
    port: address.port,
    async close() {
      dropStarting();
      const force = setTimeout(() => {
        log.warn("requests under way were cut off");
        app.server.closeAllConnections();
      }, CLOSE_TIMEOUT_MS);
      await app.close();
      clearTimeout(force);
    },
  };
}

/** `::` also takes IPv4, but cannot be bound where IPv6 is switched off, as in many containers. */
function everyAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.some(({ family }) => family === "IPv6") ? "::" : "0.0.0.0";
}

function makeServer(handle: RequestListener): Server {
  const bounds = {
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    noDelay: true,
  };
  const server = createServer(bounds, handle);
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}

/** One metric and one debug event a request; internal errors are logged in full and told in short. */
function observe(app: FastifyInstance, { log, metrics }: HttpOptions): void {
  const took = metrics.histogram("request_seconds", "How long HTTP requests take.", [
    "method",
    "route",
    "status",
  ]);
  app.addHook("onResponse", (request, reply, done) => {
    const { method } = request;
    // The route's pattern, not the path, so that the number of series stays small.
    const route = request.routeOptions.url ?? "unknown";
    took.observe({ method, route, status: String(reply.statusCode) }, reply.elapsedTime / 1000);
    if (log.enabled("debug")) {
      const { ip: remoteAddress } = request;
      log.debug("request", {
        method,
        route,
        status: reply.statusCode,
        remoteAddress,
        tookMs: reply.elapsedTime,
      });
    }
    done();
  });
  app.setErrorHandler((error, request, reply) => {
    const status = statusOf(error);
    if (status >= 500)
      log.error("request failed", { err: error, method: request.method, url: request.routeOptions.url });
    const message = status < 500 && error instanceof Error ? error.message : "internal error";
    return reply.code(status).send({ error: message });
  });
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: "not found" }));
}

function statusOf(error: unknown): number {
  const status =
    typeof error === "object" && error !== null && "statusCode" in error ? Number(error.statusCode) : 500;
  return status >= 400 && status < 600 ? status : 500;
}
