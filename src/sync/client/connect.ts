/**
 * Connects to a replica: to its csync port, with banner, STARTTLS, SASL, COMPRESS and capabilities, or to its IMAP port,
 * where the same commands go on inside IMAP (Cyrus 3.6.1, observed).
 */
import type { Clock } from "../../base/io/clock.ts";
import type { Network } from "../../base/io/network.ts";
import type { Random } from "../../base/io/random.ts";
import type { Secret } from "../../base/secret.ts";
import type { SaltedPasswords } from "../../wire/sasl/salted-passwords.ts";
import { authenticate } from "./authenticate.ts";
import { logInToImap } from "./connect-imap.ts";
import { ReplicaLink } from "./link.ts";
import { ReplicaLost, ReplicaRefusal } from "./refusal.ts";

/** csync: a port of its own. imap: SYNC commands on an IMAP port, for administrators. */
export type Transport = "csync" | "imap";

export interface ReplicaAddress {
  readonly transport: Transport;
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
  /** Of the logins before. */
  readonly saltedPasswords?: SaltedPasswords;
}

export interface ReplicaConnection {
  readonly link: ReplicaLink;
  /** Scripts travel as messages of #sieve mailboxes. */
  readonly hasSieveMailbox: boolean;
}

const CONNECT_TIMEOUT_MS = 30_000;

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
    const isOffered = await (address.transport === "imap"
      ? logInToImap(link, address, ports)
      : logInToCsync(link, address, ports));
    return { link, hasSieveMailbox: isOffered && (await enableSieve(link)) };
  } catch (error) {
    link.destroy();
    throw error;
  }
}

/** True when #sieve mailboxes are offered. */
async function logInToCsync(
  link: ReplicaLink,
  address: ReplicaAddress,
  ports: ReplicaPorts,
): Promise<boolean> {
  const greeting = await link.banner();
  // A csync port says what it offers first; nothing could be logged in with.
  if (greeting.length === 1) {
    const text = `${address.host}:${address.port} offers no SASL, it may be an IMAP port; it greeted with ${greeting[0]}`;
    throw new ReplicaRefusal("AUTHENTICATE", text, "wrong_transport");
  }
  const banner = await secure(link, address, greeting);
  await logIn(link, address, ports, banner);
  if (address.compress && banner.includes("COMPRESS DEFLATE")) {
    await link.plain("COMPRESS DEFLATE");
    link.startDeflate();
  }
  return banner.includes("SIEVE-MAILBOX");
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

/** No tags: the command's line, its challenge or its end. */
async function logIn(
  link: ReplicaLink,
  address: ReplicaAddress,
  ports: ReplicaPorts,
  banner: readonly string[],
): Promise<void> {
  const mechanisms = banner.find((line) => line.startsWith("SASL "))?.split(" ");
  await authenticate(address, ports, {
    offered: new Set(mechanisms?.slice(1)),
    isSecure: link.isSecure,
    takesInitialResponse: true,
    async say(text) {
      const [answer = ""] = await link.exchange(text, () => true);
      return answer;
    },
  });
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
