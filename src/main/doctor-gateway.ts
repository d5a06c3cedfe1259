/** The servers behind a gateway: are they there, and do they greet as they should? Nobody is logged in. */
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Config } from "../config/load.ts";
import { gatewayOptions } from "../eas/account/remote/options.ts";
import type { Finding } from "./doctor.ts";
import { nodeOptions } from "./node-options.ts";

const TIMEOUT_MS = 5_000;
/** A greeting is one line. */
const MAX_GREETING_BYTES = 4 * 1024;

interface Server {
  readonly option: "imap" | "smtp" | "managesieve";
  readonly host: string;
  readonly port: number;
  readonly implicitTls: boolean;
  readonly greeting: RegExp;
}

export async function checkGateway(config: Config): Promise<readonly Finding[]> {
  const settings = config.get(gatewayOptions);
  const { accounts, imap, imapTls, smtp, smtpTls, managesieve, managesieveTls } = settings;
  const { verifyCertificates, authorities } = settings;
  if (accounts !== "remote" || !config.get(nodeOptions).roles.includes("eas")) return [];
  const servers: readonly Server[] = [
    { option: "imap", ...imap, implicitTls: imapTls === "implicit", greeting: /^\* (?:OK|PREAUTH)\b/i },
    { option: "smtp", ...smtp, implicitTls: smtpTls === "implicit", greeting: /^220\b/ },
    ...(managesieve === undefined
      ? []
      : [
          {
            option: "managesieve" as const,
            ...managesieve,
            implicitTls: managesieveTls === "implicit",
            greeting: /^"/,
          },
        ]),
  ];
  const ca = authorities?.reveal();
  const tls = { rejectUnauthorized: verifyCertificates, ...(ca === undefined ? {} : { ca }) };
  return Promise.all(servers.map((server) => checkServer(server, tls)));
}

async function checkServer(
  server: Server,
  tls: { readonly rejectUnauthorized: boolean; readonly ca?: string },
): Promise<Finding> {
  const { option, host, port, implicitTls, greeting } = server;
  const check = `gateway.${option}`;
  const place = `${host}:${port}`;
  try {
    const line = await greetingOf(
      implicitTls
        ? connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }), ...tls })
        : connect({ host, port }),
    );
    if (greeting.test(line)) {
      return { check, status: "ok", message: `${place} greets: ${line.slice(0, 100)}` };
    }
    return {
      check,
      status: "failure",
      message: `${place} is no ${option.toUpperCase()} server: it says ${JSON.stringify(line.slice(0, 100))}`,
      next: `Set gateway.${option}, and gateway.${option}_tls to how it is reached.`,
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const next = `Set gateway.${option} to a server that this machine reaches, and gateway.${option}_tls (implicit on 993 and 465, starttls on 143, 587 and 4190).`;
    return { check, status: "failure", message: `${place} does not greet: ${reason}`, next };
  }
}

function greetingOf(socket: Socket): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = "";
  socket.setTimeout(TIMEOUT_MS, () => reject(new Error(`nothing in ${TIMEOUT_MS / 1000} s`)));
  socket.on("data", (bytes: Buffer) => {
    text += bytes.toString("latin1");
    const end = text.indexOf("\n");
    if (end >= 0 || text.length > MAX_GREETING_BYTES) resolve(text.slice(0, Math.max(0, end)).trim());
  });
  socket.once("error", reject);
  socket.once("close", () => reject(new Error("the connection was closed")));
  return promise.finally(() => socket.destroy());
}
