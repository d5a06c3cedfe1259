/**
 * The messages of SCRAM (RFC 5802 §7), read and printed.
 *
 *     client-first = gs2-header client-first-bare      client-first-bare = "n=" saslname ",r=" nonce [",extensions"]
 *     server-first = "r=" nonce ",s=" base64 ",i=" posit-number [",extensions"]
 *     client-final = without-proof ",p=" base64        without-proof = "c=" base64 ",r=" nonce [",extensions"]
 *     server-final = ("e=" value / "v=" base64) [",extensions"]
 *
 * A mandatory extension ("m=") is refused, optional ones are passed over, as RFC 5802 §5.1 asks.
 */
import {
  unescapeSaslName,
  escapeSaslName,
  parseGs2Header,
  printGs2Header,
  type Gs2Header,
} from "./gs2-header.ts";
import { messageText, strictBase64 } from "./message-text.ts";
import { SaslError } from "./sasl-error.ts";

/** Longer nonces are refused: they are only ever compared. */
export const MAX_SCRAM_NONCE_CHARACTERS = 1024;
/** A server may not make a client work longer than this; 0.6 s of one core at most. */
export const MAX_SCRAM_ITERATIONS = 4_000_000;

const NONCE = /^[\x21-\x2b\x2d-\x7e]+$/;

export interface ClientFirst {
  readonly header: Gs2Header;
  /** The header as it came, which is what the client binds to (RFC 5802 §7 cbind-input). */
  readonly headerText: string;
  readonly username: string;
  readonly nonce: string;
  /** The part that is signed, as it came. */
  readonly bare: string;
}

export interface ServerFirst {
  readonly nonce: string;
  readonly salt: Buffer;
  readonly iterations: number;
}

export interface ClientFinal {
  readonly channelBinding: Buffer;
  readonly nonce: string;
  readonly proof: Buffer;
  /** The part that is signed, as it came. */
  readonly withoutProof: string;
}

export type ServerFinal = { readonly signature: Buffer } | { readonly error: string };

/** @throws SaslError malformed */
export function parseClientFirst(message: Uint8Array): ClientFirst {
  const text = messageText(message);
  const { header, length } = parseGs2Header(text);
  const bare = text.slice(length);
  const [name, nonce] = attributes(bare, ["n", "r"]);
  if (name === "") throw new SaslError("malformed", "SCRAM user name is empty");
  return {
    header,
    headerText: text.slice(0, length),
    username: unescapeSaslName(name),
    nonce: checkedNonce(nonce),
    bare,
  };
}

export function printClientFirst(
  header: Gs2Header,
  username: string,
  nonce: string,
): { readonly whole: string; readonly bare: string } {
  const bare = `n=${escapeSaslName(username)},r=${nonce}`;
  return { whole: printGs2Header(header) + bare, bare };
}

/** @throws SaslError malformed */
export function parseServerFirst(text: string): ServerFirst {
  const [nonce, salt, count] = attributes(text, ["r", "s", "i"]);
  const iterations = /^[1-9]\d{0,9}$/.test(count) ? Number(count) : 0;
  if (iterations < 1 || iterations > MAX_SCRAM_ITERATIONS) {
    throw new SaslError("malformed", `SCRAM iteration count "${count.slice(0, 16)}" is out of range`);
  }
  return { nonce: checkedNonce(nonce), salt: strictBase64(salt), iterations };
}

export function printServerFirst(first: ServerFirst): string {
  return `r=${first.nonce},s=${first.salt.toString("base64")},i=${first.iterations}`;
}

/** @throws SaslError malformed */
export function parseClientFinal(message: Uint8Array): ClientFinal {
  const text = messageText(message);
  // The proof is last and base64 has no comma, so the last ",p=" begins it.
  const at = text.lastIndexOf(",p=");
  if (at < 0) throw new SaslError("malformed", "SCRAM proof is missing");
  const withoutProof = text.slice(0, at);
  const [binding, nonce] = attributes(withoutProof, ["c", "r"]);
  return {
    channelBinding: strictBase64(binding),
    nonce: checkedNonce(nonce),
    proof: strictBase64(text.slice(at + 3)),
    withoutProof,
  };
}

export function printClientFinal(withoutProof: string, proof: Buffer): string {
  return `${withoutProof},p=${proof.toString("base64")}`;
}

export function printWithoutProof(channelBinding: Buffer, nonce: string): string {
  return `c=${channelBinding.toString("base64")},r=${nonce}`;
}

/** @throws SaslError malformed */
export function parseServerFinal(message: Uint8Array): ServerFinal {
  const text = messageText(message);
  const first = text.split(",", 1)[0] ?? "";
  if (first.startsWith("e=")) return { error: first.slice(2) };
  if (!first.startsWith("v=")) throw new SaslError("malformed", "bad SCRAM server-final message");
  return { signature: strictBase64(first.slice(2)) };
}

export function printServerFinal(final: ServerFinal): string {
  return "error" in final ? `e=${final.error}` : `v=${final.signature.toString("base64")}`;
}

/** Values of the attributes that must come first, in this order; what follows must be optional extensions. */
function attributes<const Names extends readonly string[]>(
  text: string,
  names: Names,
): { readonly [Index in keyof Names]: string } {
  const parts = text.split(",");
  const values = names.map((name, index) => {
    const part = parts[index];
    if (part === undefined || !part.startsWith(`${name}=`)) {
      throw new SaslError("malformed", `SCRAM attribute "${name}" is missing`);
    }
    return part.slice(2);
  });
  for (const extension of parts.slice(names.length)) {
    if (!/^[A-Za-ln-z]=[^\0]+$/.test(extension)) {
      throw new SaslError("malformed", "SCRAM extension is malformed or mandatory");
    }
  }
  if (text.includes("\0")) throw new SaslError("malformed", "NUL in a SCRAM message");
  return values as unknown as { readonly [Index in keyof Names]: string };
}

function checkedNonce(nonce: string): string {
  if (nonce.length > MAX_SCRAM_NONCE_CHARACTERS || !NONCE.test(nonce)) {
    throw new SaslError("malformed", "bad SCRAM nonce");
  }
  return nonce;
}
