/** The query of a request, as text or as base64: MS-ASHTTP §2.2.1.1.1. */
import { EasRefusal } from "./status.ts";
import { parseVersion, type ProtocolVersion } from "./version.ts";

export interface Query {
  readonly command: string;
  readonly deviceId: string;
  readonly deviceType: string;
  /** Only the base64 form carries these two; else they are headers. */
  readonly version: ProtocolVersion | undefined;
  readonly policyKey: number | undefined;
  readonly acceptMultipart: boolean;
  readonly parameters: ReadonlyMap<string, string>;
}

/** MS-ASHTTP §2.2.1.1.1.1.2 command codes, from 0; 5 to 8 are from before 12.0. */
const COMMANDS =
  "Sync SendMail SmartForward SmartReply GetAttachment - - - - FolderSync FolderCreate FolderDelete FolderUpdate MoveItems GetItemEstimate MeetingResponse Search Settings Ping ItemOperations Provision ResolveRecipients ValidateCert Find".split(
    " ",
  );
/** MS-ASHTTP §2.2.1.1.1.1.3 command parameters, from 0. 7 is Options, bits. */
const PARAMETERS = [
  "AttachmentName",
  "CollectionId",
  "CollectionName",
  "ItemId",
  "LongId",
  "ParentId",
  "Occurrence",
  "Options",
  "User",
] as const;
const SAVE_IN_SENT = 0x01;
const ACCEPT_MULTIPART = 0x02;
/** Longer ones are no query of a device. */
const MAX_QUERY_CHARACTERS = 8192;

/** @param raw what stands after "?", still escaped @throws EasRefusal */
export function parseQuery(raw: string): Query {
  if (raw === "" || raw.length > MAX_QUERY_CHARACTERS)
    throw new EasRefusal("invalid_content", "query is missing or too long");
  return /(?:^|&)Cmd=/i.test(raw) ? parseText(raw) : parseBase64(raw);
}

/** @throws EasRefusal: the answer can say so in the way of the command */
export function checkDevice({ deviceId, deviceType }: Query): void {
  if (!/^[A-Za-z0-9]{1,32}$/.test(deviceId)) {
    throw new EasRefusal("device_id_invalid", `device id "${deviceId}" is not 1 to 32 letters and digits`);
  }
  if (!/^[\x20-\x7e]{1,64}$/.test(deviceType)) {
    throw new EasRefusal("device_type_invalid", "device type is missing or not 1 to 64 printable characters");
  }
}

/** MS-ASHTTP §2.2.1.1.1.2. Names in any case; "+" is a space. */
function parseText(raw: string): Query {
  const known = new Map<string, string>(
    [...PARAMETERS, "Cmd", "DeviceId", "DeviceType", "SaveInSent"].map((name) => [name.toLowerCase(), name]),
  );
  const parameters = new Map<string, string>();
  for (const [key, value] of new URLSearchParams(raw)) {
    const name = known.get(key.toLowerCase());
    if (name !== undefined && !parameters.has(name)) parameters.set(name, value);
  }
  const command = parameters.get("Cmd") ?? "";
  return {
    command: COMMANDS.find((name) => name.toLowerCase() === command.toLowerCase()) ?? command,
    deviceId: parameters.get("DeviceId") ?? "",
    deviceType: parameters.get("DeviceType") ?? "",
    version: undefined,
    policyKey: undefined,
    acceptMultipart: false,
    parameters,
  };
}

/**
 * MS-ASHTTP §2.2.1.1.1.1; seen unescaped, without padding and with the URL-safe letters.
 *
 *     version command locale(2) length device-id length [policy-key(4)] length device-type *(tag length value)
 */
function parseBase64(raw: string): Query {
  const bytes = Buffer.from(unescape(raw), "base64");
  let at = 0;
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw new EasRefusal("invalid_content", "base64 query is cut off");
    at += length;
    return bytes.subarray(at - length, at);
  };
  const byte = (): number => take(1).readUInt8(0);
  const version = byte();
  const code = byte();
  take(2);
  const deviceId = take(byte());
  const policyKey = take(byte());
  const deviceType = take(byte()).toString("latin1");
  const parameters = new Map<string, string>();
  let options = 0;
  while (at < bytes.length) {
    const name = PARAMETERS[byte()];
    const value = take(byte());
    if (name === "Options") options = value[0] ?? 0;
    else if (name !== undefined) parameters.set(name, value.toString("utf8"));
  }
  if ((options & SAVE_IN_SENT) !== 0) parameters.set("SaveInSent", "T");
  const known = parseVersion(`${Math.floor(version / 10)}.${version % 10}`);
  if (known === undefined) {
    throw new EasRefusal("version_not_supported", `protocol version ${version} is not spoken`);
  }
  const command = COMMANDS[code];
  return {
    command: command === undefined || command === "-" ? `#${code}` : command,
    // Windows Phone sends 16 raw bytes.
    deviceId: /^[A-Za-z0-9]*$/.test(deviceId.toString("latin1"))
      ? deviceId.toString("latin1")
      : deviceId.toString("hex").toUpperCase(),
    deviceType,
    version: known,
    policyKey: policyKey.length === 4 ? policyKey.readUInt32LE(0) : undefined,
    acceptMultipart: (options & ACCEPT_MULTIPART) !== 0,
    parameters,
  };
}

/** "%2B" → "+"; a query that is not escaped well stays as it is. Buffer reads the URL-safe letters itself. */
function unescape(raw: string): string {
  const text = raw.replaceAll(" ", "+");
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The other direction, for the client: base64 of MS-ASHTTP §2.2.1.1.1.1. */
export function printBase64Query(query: Query & { readonly version: ProtocolVersion }): string {
  const withLength = (value: Buffer): Buffer => Buffer.concat([Buffer.from([value.length]), value]);
  const policyKey = Buffer.alloc(query.policyKey === undefined ? 0 : 4);
  if (query.policyKey !== undefined) policyKey.writeUInt32LE(query.policyKey, 0);
  const options =
    (query.parameters.get("SaveInSent") === "T" ? SAVE_IN_SENT : 0) |
    (query.acceptMultipart ? ACCEPT_MULTIPART : 0);
  const rest = PARAMETERS.flatMap((name, tag) => {
    const value = name === "Options" ? options : query.parameters.get(name);
    if (value === undefined || value === 0) return [];
    const bytes = typeof value === "number" ? Buffer.from([value]) : Buffer.from(value, "utf8");
    return [Buffer.concat([Buffer.from([tag]), withLength(bytes)])];
  });
  return Buffer.concat([
    Buffer.from([query.version, COMMANDS.indexOf(query.command), 0x09, 0x04]),
    withLength(Buffer.from(query.deviceId, "latin1")),
    withLength(policyKey),
    withLength(Buffer.from(query.deviceType, "latin1")),
    ...rest,
  ]).toString("base64");
}
