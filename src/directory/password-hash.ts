/**
 * argon2id in PHC string format (github.com/P-H-C/phc-string-format; RFC 9106):
 *
 *     $argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>        ; base64 without padding
 */
import { argon2, timingSafeEqual } from "node:crypto";

export interface Argon2Parameters {
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
}

export const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** A stored hash with more is not computed: a database from elsewhere must not be able to take the memory away. */
const MAX_MEMORY_KIB = 2 * 2 ** 20;

const PHC =
  /^\$argon2id\$v=19\$m=(\d{1,10}),t=(\d{1,4}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

export async function hashPassword(
  password: string,
  salt: Buffer,
  parameters: Argon2Parameters,
): Promise<string> {
  const { memoryKib, passes, lanes } = parameters;
  const hash = await compute(password, salt, HASH_BYTES, parameters);
  return `$argon2id$v=19$m=${memoryKib},t=${passes},p=${lanes}$${unpadded(salt)}$${unpadded(hash)}`;
}

/** False for a string that is no argon2id hash. */
export async function passwordMatches(password: string, phc: string): Promise<boolean> {
  const parsed = parse(phc);
  if (parsed === undefined) return false;
  const hash = await compute(password, parsed.salt, parsed.hash.length, parsed.parameters);
  return timingSafeEqual(hash, parsed.hash);
}

/** Whether the hash was made with these parameters; others are made anew at the next login. */
export function isMadeWith(phc: string, { memoryKib, passes, lanes }: Argon2Parameters): boolean {
  const made = parse(phc)?.parameters;
  return made?.memoryKib === memoryKib && made.passes === passes && made.lanes === lanes;
}

function parse(
  phc: string,
): { readonly parameters: Argon2Parameters; readonly salt: Buffer; readonly hash: Buffer } | undefined {
  const match = PHC.exec(phc);
  if (match === null) return undefined;
  const [, memory, passes, lanes, salt = "", hash = ""] = match;
  const parameters = { memoryKib: Number(memory), passes: Number(passes), lanes: Number(lanes) };
  const valid =
    parameters.lanes >= 1 &&
    parameters.passes >= 1 &&
    parameters.memoryKib >= 8 * parameters.lanes &&
    parameters.memoryKib <= MAX_MEMORY_KIB;
  return valid
    ? { parameters, salt: Buffer.from(salt, "base64"), hash: Buffer.from(hash, "base64") }
    : undefined;
}

function compute(
  password: string,
  salt: Buffer,
  tagLength: number,
  { memoryKib, passes, lanes }: Argon2Parameters,
): Promise<Buffer> {
  const parameters = {
    message: password,
    nonce: salt,
    parallelism: lanes,
    tagLength,
    memory: memoryKib,
    passes,
  };
  return new Promise((resolve, reject) => {
    argon2("argon2id", parameters, (error, hash) => {
      if (error === null) resolve(hash);
      else reject(error);
    });
  });
}

function unpadded(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}
