/** A real Cyrus 3.6.1 as one end of replication with Rookery; its users are u1 and u2, their passwords their names. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { startCyrus, type CyrusPeer } from "./peers/cyrus.ts";
import type { CrcServer } from "./sync-compare.ts";
import type { SyncNode } from "./sync-nodes.ts";
import type { ReadServer } from "./sync-read.ts";

export async function startSyncCyrus(
  t: TestContext,
  settings: Readonly<Record<string, string>>,
): Promise<CyrusPeer> {
  const folder = mkdtempSync(join(tmpdir(), "rk-c"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const users = { cyrus: "cyrus", u1: "u1", u2: "u2" };
  const peer = await startCyrus({ folder, users, settings: { virtdomains: "off", ...settings } });
  t.after(() => peer.stop());
  return peer;
}

/** Settings of a Cyrus whose sync_client goes to a Rookery node. */
export function masterOf(node: SyncNode, transport: "csync" | "imap"): Readonly<Record<string, string>> {
  return {
    sync_host: "127.0.0.1",
    sync_port: String(node.node.endpoint(transport).port),
    sync_authname: "root",
    sync_password: "root-secret",
    sync_try_imap: transport === "imap" ? "yes" : "no",
    sync_log: "yes",
    // Its IMAP client gives up after SCRAM's last challenge.
    force_sasl_client_mech: "PLAIN",
  };
}

export function cyrusServer(peer: CyrusPeer): CrcServer & ReadServer {
  const endpoint = { host: "127.0.0.1", port: peer.ports["imap"] ?? 0 };
  return { endpoint, admin: ["cyrus", "cyrus"], login: ["u1", "u1"] };
}

export function rookeryServer({ crcs }: SyncNode): CrcServer & ReadServer {
  return { ...crcs, login: ["u1", "u1"] };
}
