/** `Authorization: Basic`, RFC 7617 §2. Devices send UTF-8, older ones Latin-1. */
export interface Credentials {
  /** As sent: `DOMAIN\user`, `user@domain` or plain. */
  readonly name: string;
  readonly password: string;
}

/** Longer headers are refused before anything is decoded. */
const MAX_HEADER_CHARACTERS = 4096;

/** Undefined when there is none or it is malformed: both mean 401. */
export function parseBasic(header: string | undefined): Credentials | undefined {
  if (header === undefined || header.length > MAX_HEADER_CHARACTERS) return undefined;
  const encoded = /^Basic +([A-Za-z0-9+/=_-]+) *$/i.exec(header)?.[1];
  if (encoded === undefined) return undefined;
  const bytes = Buffer.from(encoded, "base64");
  const utf8 = bytes.toString("utf8");
  const text = utf8.includes("\ufffd") ? bytes.toString("latin1") : utf8;
  const colon = text.indexOf(":");
  if (colon < 1) return undefined;
  return { name: text.slice(0, colon), password: text.slice(colon + 1) };
}

export function printBasic({ name, password }: Credentials): string {
  return `Basic ${Buffer.from(`${name}:${password}`, "utf8").toString("base64")}`;
}
