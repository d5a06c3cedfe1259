/**
 * The PROXY protocol, versions 1 and 2 (HAProxy, proxy-protocol.txt): a proxy says for whom it connects.
 * Only ever read from trusted addresses, since it is a claim.
 */

import { isIP, SocketAddress } from "node:net";

export interface ProxyHeader {
  /** Bytes that the header takes. */
  readonly length: number;
  /** undefined: the proxy speaks for itself (LOCAL, UNKNOWN, or an address family without ports). */
  readonly client: ProxyAddresses | undefined;
}

export interface ProxyAddresses {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

export class ProxyProtocolError extends Error {
  override name = "ProxyProtocolError";
}

/** §2.1: a version 1 line has at most 107 bytes with its CRLF. */
const MAX_V1_BYTES = 107;
/** Addresses take at most 216 bytes; the rest are TLVs (§2.2), which no proxy fills beyond this. */
const MAX_V2_BYTES = 16 + 4096;
const V2_SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const V1_SIGNATURE = Buffer.from("PROXY ", "latin1");

/** undefined = more bytes are needed. @throws ProxyProtocolError when `bytes` begin no header */
export function parseProxyHeader(bytes: Buffer): ProxyHeader | undefined {
  if (startsLike(bytes, V2_SIGNATURE)) return bytes.length < 16 ? undefined : parseV2(bytes);
  if (startsLike(bytes, V1_SIGNATURE)) return parseV1(bytes);
  throw new ProxyProtocolError("connection does not begin with a PROXY header");
}

/** Whether `bytes`, perhaps too few to tell for certain, can be the start of a header. */
export function beginsLikeProxyHeader(bytes: Buffer): boolean {
  return startsLike(bytes, V2_SIGNATURE) || startsLike(bytes, V1_SIGNATURE);
}

function startsLike(bytes: Buffer, signature: Buffer): boolean {
  const length = Math.min(bytes.length, signature.length);
  return bytes.compare(signature, 0, length, 0, length) === 0;
}

/** `PROXY TCP4 192.0.2.1 198.51.100.2 4711 143 CRLF`. */
function parseV1(bytes: Buffer): ProxyHeader | undefined {
  const end = bytes.subarray(0, MAX_V1_BYTES).indexOf("\r\n");
  if (end === -1) {
    if (bytes.length >= MAX_V1_BYTES) throw new ProxyProtocolError("PROXY line is too long");
    return undefined;
  }
  const length = end + 2;
  const line = bytes.toString("latin1", 0, end);
  if (/^PROXY UNKNOWN(?: |$)/.test(line)) return { length, client: undefined };
  const match = /^PROXY TCP([46]) ([0-9a-fA-F.:]+) ([0-9a-fA-F.:]+) (\d{1,5}) (\d{1,5})$/.exec(line);
  const [, family = "", remoteAddress = "", localAddress = "", remote, local] = match ?? [];
  const [remotePort, localPort] = [Number(remote), Number(local)];
  const version = Number(family);
  if (
    isIP(remoteAddress) !== version ||
    isIP(localAddress) !== version ||
    !(remotePort <= 65_535 && localPort <= 65_535)
  ) {
    throw new ProxyProtocolError("PROXY line is malformed");
  }
  return { length, client: { remoteAddress, remotePort, localAddress, localPort } };
}

/** 12 signature, 1 version and command, 1 family and transport, 2 length, addresses, TLVs (§2.2). */
function parseV2(bytes: Buffer): ProxyHeader | undefined {
  const version = bytes.readUInt8(12) >> 4;
  const command = bytes.readUInt8(12) & 0x0f;
  const family = bytes.readUInt8(13) >> 4;
  const length = 16 + bytes.readUInt16BE(14);
  if (version !== 2 || command > 1)
    throw new ProxyProtocolError("PROXY header has an unknown version or command");
  if (length > MAX_V2_BYTES) throw new ProxyProtocolError("PROXY header is too long");
  if (bytes.length < length) return undefined;
  const size = family === 1 ? 4 : family === 2 ? 16 : 0;
  if (command === 0 || size === 0) return { length, client: undefined };
  if (length < 16 + 2 * size + 4) throw new ProxyProtocolError("PROXY header is shorter than its addresses");
  const at = 16 + 2 * size;
  return {
    length,
    client: {
      remoteAddress: printAddress(bytes.subarray(16, 16 + size)),
      localAddress: printAddress(bytes.subarray(16 + size, at)),
      remotePort: bytes.readUInt16BE(at),
      localPort: bytes.readUInt16BE(at + 2),
    },
  };
}

function printAddress(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
  // The one written form of an address (RFC 5952), so that it compares equal to what sockets report.
  return new SocketAddress({ address: groups.join(":"), family: "ipv6" }).address;
}
