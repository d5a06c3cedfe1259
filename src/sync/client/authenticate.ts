/** Logs in to a replica with the best SASL mechanism that both sides have. */
import { createSaslClient } from "../../wire/sasl/client.ts";
import { SaslError } from "../../wire/sasl/sasl-error.ts";
import type { ReplicaAddress, ReplicaPorts } from "./connect.ts";
import { ReplicaRefusal } from "./refusal.ts";

const MECHANISMS = ["SCRAM-SHA-256", "PLAIN", "LOGIN"];
const IN_CLEAR = new Set(["PLAIN", "LOGIN"]);

export interface LoginPeer {
  /** Names of mechanisms. */
  readonly offered: ReadonlySet<string>;
  readonly isSecure: boolean;
  /** The first response may stand behind the mechanism; else it answers an empty challenge. */
  readonly takesInitialResponse: boolean;
  /** Sends AUTHENTICATE, then responses; the challenge (`+ …`) or the last line, without a tag. */
  say(text: string): Promise<string>;
}

/** Returns the last line. @throws ReplicaRefusal, ReplicaLost */
export async function authenticate(
  address: Pick<ReplicaAddress, "host" | "user" | "password" | "tls">,
  { random, saltedPasswords }: Pick<ReplicaPorts, "random" | "saltedPasswords">,
  peer: LoginPeer,
): Promise<string> {
  const mechanism = chooseMechanism(address, peer);
  const client = createSaslClient(mechanism, {
    username: address.user,
    password: address.password.reveal(),
    nonce: random.bytes(18).toString("base64"),
    ...(saltedPasswords === undefined ? {} : { saltedPasswords }),
  });
  let first = client.initialResponse;
  let command = `AUTHENTICATE ${mechanism}`;
  if (peer.takesInitialResponse && first !== undefined) {
    command += ` ${first.toString("base64")}`;
    first = undefined;
  }
  let answer = await peer.say(command);
  try {
    while (answer.startsWith("+")) {
      const response = first ?? (await client.respond(Buffer.from(answer.slice(1).trim(), "base64")));
      first = undefined;
      answer = await peer.say(response.toString("base64"));
    }
    if (!/^OK\b/.test(answer)) throw new ReplicaRefusal("AUTHENTICATE", answer, "not_authenticated");
    const data = /^OK \(([A-Za-z0-9+/=]+)\)/.exec(answer)?.[1];
    client.finish(data === undefined ? undefined : Buffer.from(data, "base64"));
    return answer;
  } catch (error) {
    if (error instanceof SaslError) {
      throw new ReplicaRefusal("AUTHENTICATE", error.message, "not_authenticated");
    }
    throw error;
  }
}

function chooseMechanism(
  { host, tls }: Pick<ReplicaAddress, "host" | "tls">,
  { offered, isSecure }: LoginPeer,
): string {
  const mayShowPassword = isSecure || tls === "off" || isLoopback(host);
  const mechanism = MECHANISMS.find((name) => offered.has(name) && (mayShowPassword || !IN_CLEAR.has(name)));
  if (mechanism !== undefined) return mechanism;
  throw new ReplicaRefusal(
    "AUTHENTICATE",
    offered.size === 0
      ? "it offers no SASL mechanism"
      : `no mechanism fits among ${[...offered].join(" ")}${mayShowPassword ? "" : " without TLS"}`,
    "not_authenticated",
  );
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
