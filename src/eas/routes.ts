/** ActiveSync on the HTTP listener, under its own path and under Opush's (S2.47). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { HttpRoutes } from "../http/http.ts";
import { BodyTooLarge, type Intake } from "./exchange.ts";
import type { EasServer } from "./server.ts";

const PATHS = [
  "/Microsoft-Server-ActiveSync",
  "/Microsoft-Server-ActiveSync/",
  "/opush/ActiveSyncServlet",
  "/opush/ActiveSyncServlet/",
];

export function easRoutes(server: EasServer): HttpRoutes {
  return (app) => {
    void app.register((scope: FastifyInstance, _options, done) => {
      // The server reads bodies itself, after it knows who sends them.
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser("*", (_request, _payload, parsed) => parsed(null));
      for (const url of PATHS) {
        scope.route({
          method: ["POST", "OPTIONS", "GET"],
          url,
          handler: async (request, reply) => {
            const answer = await server.handle(toIntake(request, reply));
            const { status, headers, body, delivered } = answer;
            if (delivered !== undefined) reply.raw.once("finish", delivered);
            return reply
              .code(status)
              .headers(headers)
              .send(body.length === 0 ? undefined : body);
          },
        });
      }
      done();
    });
  };
}

function toIntake(request: FastifyRequest, reply: FastifyReply): Intake {
  const { raw, method, headers, ip: remoteAddress, protocol } = request;
  const url = raw.url ?? "";
  const at = url.indexOf("?");
  const gone = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) gone.abort("the device went away");
  });
  return {
    method,
    query: at < 0 ? "" : url.slice(at + 1),
    headers: headers as Readonly<Record<string, string | undefined>>,
    remoteAddress,
    tls: protocol === "https",
    body: (maxBytes, count) => readBody(raw, maxBytes, count),
    gone: gone.signal,
  };
}

async function readBody(
  raw: FastifyRequest["raw"],
  maxBytes: number,
  count: (bytes: number) => void,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of raw as AsyncIterable<Buffer>) {
    length += chunk.length;
    count(chunk.length);
    if (length > maxBytes) throw new BodyTooLarge(`the request has more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, length);
}
