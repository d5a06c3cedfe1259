/** Our own clients, connected to a running node: IMAP over TLS and logged in, LMTP greeted. */
import assert from "node:assert/strict";
import type { Connection } from "../../src/base/io/network.ts";
import { systemNetwork } from "../../src/base/io/system-network.ts";
import { ImapClient } from "../../src/imap/client.ts";
import { readFetchValues, type Value } from "../../src/imap/codec/response.ts";
import { LmtpClient } from "../../src/lmtp/client.ts";
import type { RunningNode } from "./running-node.ts";

/** A connection to one of the node's endpoints, with TLS where the endpoint has it. */
export function connectTo(node: RunningNode, service: string): Promise<Connection> {
  const { host, port, tls } = node.endpoint(service);
  return systemNetwork.connect({ host, port, tls: { verify: false }, implicitTls: tls });
}

export async function imapTo(node: RunningNode, user: string, password: string): Promise<ImapClient> {
  const client = new ImapClient(await connectTo(node, "imaps"), { literalPlus: true });
  await client.greeting;
  const { status, text } = await client.command(`LOGIN ${user} ${password}`);
  assert.equal(status, "OK", text);
  return client;
}

export async function lmtpTo(node: RunningNode): Promise<LmtpClient> {
  const client = new LmtpClient(await connectTo(node, "lmtp"));
  await client.open("client.example.test");
  return client;
}

export type FetchedMessage = ReadonlyMap<string, Value>;

/** UID → what FETCH told, read with our own codec. */
export async function fetchAll(client: ImapClient, items: string): Promise<Map<number, FetchedMessage>> {
  const { status, text, untagged } = await client.command(`UID FETCH 1:* (UID ${items})`);
  assert.equal(status, "OK", text);
  const messages = new Map<number, FetchedMessage>();
  for (const response of untagged) {
    if (response.name !== "FETCH") continue;
    const values = readFetchValues(response.arguments());
    messages.set(Number(values.get("UID")), values);
  }
  return messages;
}

export function bytesOf(message: FetchedMessage | undefined, item = "BODY[]"): Buffer {
  const value = message?.get(item);
  return Buffer.isBuffer(value) ? value : Buffer.from(typeof value === "string" ? value : "");
}
