/** The arithmetic of SCRAM-SHA-256 (RFC 5802 §3, RFC 7677). */
import { createHash, createHmac, pbkdf2 } from "node:crypto";

export const SCRAM_KEY_BYTES = 32;

/** What a server keeps: enough to check a proof, not enough to log in elsewhere. */
export interface ScramKeys {
  readonly salt: Buffer;
  readonly iterations: number;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** `password` is prepared already (`prepare`). Works in the thread pool. */
export async function makeScramKeys(password: string, salt: Buffer, iterations: number): Promise<ScramKeys> {
  const salted = await saltedPassword(password, salt, iterations);
  return {
    salt,
    iterations,
    storedKey: sha256(clientKey(salted)),
    serverKey: serverKey(salted),
  };
}

export function saltedPassword(password: string, salt: Buffer, iterations: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    pbkdf2(password, salt, iterations, SCRAM_KEY_BYTES, "sha256", (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}

export function clientKey(salted: Buffer): Buffer {
  return hmac(salted, "Client Key");
}

export function serverKey(salted: Buffer): Buffer {
  return hmac(salted, "Server Key");
}

export function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

export function sha256(bytes: Buffer): Buffer {
  return createHash("sha256").update(bytes).digest();
}

/** Of two buffers of the same length. */
export function xor(left: Buffer, right: Buffer): Buffer {
  const result = Buffer.alloc(left.length);
  for (let index = 0; index < left.length; index++) result[index] = (left[index] ?? 0) ^ (right[index] ?? 0);
  return result;
}
