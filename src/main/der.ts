/**
 * The few DER forms that a certificate needs (ITU-T X.690). Writing only: reading is node:crypto's X509Certificate.
 * TLV = tag octet, length (short form below 128, else 0x80+n and n octets), contents.
 */

export function tlv(tag: number, ...contents: readonly Buffer[]): Buffer {
  const body = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag]), length(body.length), body]);
}

function length(bytes: number): Buffer {
  if (bytes < 0x80) return Buffer.from([bytes]);
  const digits: number[] = [];
  for (let rest = bytes; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  return Buffer.from([0x80 + digits.length, ...digits]);
}

export const sequence = (...items: readonly Buffer[]): Buffer => tlv(0x30, ...items);
export const set = (...items: readonly Buffer[]): Buffer => tlv(0x31, ...items);
export const octetString = (bytes: Buffer): Buffer => tlv(0x04, bytes);
export const utf8String = (text: string): Buffer => tlv(0x0c, Buffer.from(text));
export const boolean = (value: boolean): Buffer => tlv(0x01, Buffer.from([value ? 0xff : 0]));
/** Constructed context tag `[n]`. */
export const explicit = (n: number, ...items: readonly Buffer[]): Buffer => tlv(0xa0 + n, ...items);
/** Primitive context tag `[n]`, the bytes as they are. */
export const implicit = (n: number, bytes: Buffer): Buffer => tlv(0x80 + n, bytes);

/** Whole octets only: unused-bit count 0. */
export const bitString = (bytes: Buffer, unusedBits = 0): Buffer =>
  tlv(0x03, Buffer.from([unusedBits]), bytes);

/** A non-negative integer from big-endian bytes: no superfluous zeros, one where the sign bit would be set. */
export function integer(bytes: Buffer): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const digits = bytes.subarray(start);
  const signed = digits.length > 0 && (digits[0] ?? 0) < 0x80;
  return tlv(0x02, signed ? digits : Buffer.concat([Buffer.from([0]), digits]));
}

export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return tlv(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const digits = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) {
    digits.unshift((rest % 128) + 128);
  }
  return digits;
}

/** RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050. */
export function time(whenMs: number): Buffer {
  const text = `${new Date(whenMs).toISOString().replaceAll(/[-:T]/g, "").slice(0, 14)}Z`;
  const year = Number(text.slice(0, 4));
  return year < 2050 ? tlv(0x17, Buffer.from(text.slice(2))) : tlv(0x18, Buffer.from(text));
}
