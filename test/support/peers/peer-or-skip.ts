import { existsSync } from "node:fs";
import type { TestContext } from "node:test";
import { unpackPeer } from "./unpack.ts";

/**
 * May the test run this peer here? As root on Debian it has to: a peer that cannot be had fails the test. Elsewhere the
 * test is skipped with the reason.
 */
export async function peerOrSkip(
  t: TestContext,
  name: "apache" | "cyrus" | "dovecot" | "nginx" | "postfix" | "slapd",
): Promise<boolean> {
  const reason = peersMissing();
  if (reason !== undefined) {
    t.skip(`${name}: ${reason}`);
    return false;
  }
  await unpackPeer(name);
  return true;
}

/** Why peers cannot run on this machine; undefined = they can. */
export function peersMissing(): string | undefined {
  if (!existsSync("/etc/debian_version")) return "packages of Debian are needed";
  if (process.getuid?.() !== 0) return "only root can mount its files";
  return undefined;
}
