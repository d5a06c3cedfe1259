/** Connects to a replica's csync port: banner, STARTTLS, SASL, COMPRESS, capabilities (Cyrus 3.6.1, observed). */
import type { Clock } from "../../base/io/clock.ts";
import type { Network } from "../../base/io/network.ts";
import type { Random } from "../../base/io/random.ts";
import type { Secret } from "../../base/secret.ts";
import { createSaslClient } from "../../wire/sasl/client.ts";
import { SaslError } from "../../wire/sasl/sasl-error.ts";
import { ReplicaLink } from "./link.ts";
import { ReplicaLost, ReplicaRefusal } from "./refusal.ts";

export interface ReplicaAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: Secret;
  /** `auto` takes TLS where the replica offers it and checks its certificate only against pinned authorities. */
  readonly tls: "auto" | "required" | "off";
  /** PEM of the authorities to trust: the pinned ones. */
  readonly authorities?: string | undefined;
  readonly serverName?: string | undefined;
  readonly compress: boolean;
  readonly timeoutMs: number;
}

export interface ReplicaPorts {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
}

export interface ReplicaConnection {
  readonly link: ReplicaLink;
  /** Scripts travel as messages of #sieve mailboxes. */
  readonly hasSieveMailbox: boolean;
}

const CONNECT_TIMEOUT_MS = 30_000;
/** The best that the replica offers is taken. */
const MECHANISMS = ["SCRAM-SHA-256", "PLAIN", "LOGIN"];
const IN_CLEAR = new Set(["PLAIN", "LOGIN"]);

/** @throws ReplicaLost, ReplicaRefusal, the Node error of the connection */
export async function connectReplica(
  address: ReplicaAddress,
  ports: ReplicaPorts,
): Promise<ReplicaConnection> {
  const { host, port, authorities, serverName } = address;
  const verify = authorities !== undefined || address.tls === "required";
  const connection = await ports.network.connect({
    host,
    port,
    timeoutMs: CONNECT_TIMEOUT_MS,
    ...(address.tls === "off" ? {} : { tls: { verify, authorities, serverName } }),
  });
  const link = new ReplicaLink(connection, ports.clock, address.timeoutMs);
  try {
    let banner = await link.banner();
    banner = await secure(link, address, banner);
    await logIn(link, address, ports, banner);
    if (address.compress && banner.includes("COMPRESS DEFLATE")) {
      await link.plain("COMPRESS DEFLATE");
      link.startDeflate();
    }
    return { link, hasSieveMailbox: banner.includes("SIEVE-MAILBOX") && (await enableSieve(link)) };
  } catch (error) {
    link.destroy();
    throw error;
  }
}

async function secure(
  link: ReplicaLink,
  { tls, host, port }: ReplicaAddress,
  banner: readonly string[],
): Promise<readonly string[]> {
  if (tls === "off") return banner;
  if (!banner.includes("STARTTLS")) {
    if (tls === "auto") return banner;
    throw new ReplicaLost(`the replica ${host}:${port} offers no TLS`);
  }
  try {
    await link.plain("STARTTLS");
  } catch (error) {
    // Cyrus offers it without a certificate, too.
    if (error instanceof ReplicaRefusal && tls === "auto") return banner;
    throw error;
  }
  const next = link.banner();
  // It may break off during the handshake, which is told then.
  next.catch(() => undefined);
  await link.startTls();
  return await next;
}

async function logIn(
  link: ReplicaLink,
  address: ReplicaAddress,
  { random }: ReplicaPorts,
  banner: readonly string[],
): Promise<void> {
  const offered = new Set(
    banner
      .find((line) => line.startsWith("SASL "))
      ?.split(" ")
      .slice(1) ?? [],
  );
  const mayShowPassword = link.isSecure || address.tls === "off" || isLoopback(address.host);
  const mechanism = MECHANISMS.find((name) => offered.has(name) && (mayShowPassword || !IN_CLEAR.has(name)));
  if (mechanism === undefined) {
    throw new ReplicaRefusal(
      "AUTHENTICATE",
      `no mechanism fits among ${[...offered].join(" ")}${mayShowPassword ? "" : " without TLS"}`,
      "not_authenticated",
    );
  }
  const client = createSaslClient(mechanism, {
    username: address.user,
    password: address.password.reveal(),
    nonce: random.bytes(18).toString("base64"),
  });
  const first = client.initialResponse;
  let answer = await link.step(
    `AUTHENTICATE ${mechanism}${first === undefined ? "" : ` ${first.toString("base64")}`}`,
  );
  try {
    while (answer.startsWith("+")) {
      const response = await client.respond(Buffer.from(answer.slice(1).trim(), "base64"));
      answer = await link.step(response.toString("base64"));
    }
    if (!/^OK\b/.test(answer)) throw new ReplicaRefusal("AUTHENTICATE", answer, "not_authenticated");
    const data = /^OK \(([A-Za-z0-9+/=]+)\)/.exec(answer)?.[1];
    client.finish(data === undefined ? undefined : Buffer.from(data, "base64"));
  } catch (error) {
    if (error instanceof SaslError) {
      throw new ReplicaRefusal("AUTHENTICATE", error.message, "not_authenticated");
    }
    throw error;
  }
}

async function enableSieve(link: ReplicaLink): Promise<boolean> {
  let enabled = false;
  await link.command(
    "APPLY",
    "CAPABILITIES",
    (writer) => writer.list((list) => void list.raw("SIEVE-MAILBOX")),
    {
      line(key, reader) {
        if (key !== "ENABLED") reader.skip();
        else reader.list((item) => void (enabled ||= item.text() === "SIEVE-MAILBOX"));
      },
    },
  );
  return enabled;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
