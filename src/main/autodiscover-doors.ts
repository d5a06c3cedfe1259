import { lookup, resolveSrv } from "node:dns/promises";
import { HttpClient } from "../base/io/http-client.ts";
import type { AutodiscoverDoors } from "./doctor-autodiscover.ts";

/** An autodiscover answer has a few hundred bytes. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** The world as `rookery doctor autodiscover` asks it. */
export function autodiscoverDoors(): AutodiscoverDoors & { close(): void } {
  const strict = new HttpClient({ maxAnswerBytes: MAX_ANSWER_BYTES });
  const lenient = new HttpClient({ maxAnswerBytes: MAX_ANSWER_BYTES, verifyCertificate: false });
  return {
    // As devices do: with the hosts file and whatever else the machine asks.
    addresses: async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
    services: async (name) => (await resolveSrv(name)).map(({ name: host, port }) => ({ host, port })),
    send: (request, verifyCertificate) => (verifyCertificate ? strict : lenient).send(request),
    close() {
      strict.close();
      lenient.close();
    },
  };
}
