import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const SECRET_BYTES = 32;

/** What the keys of URLAUTH are made from; made once for each data folder. Without it every authorised URL is void. */
export function urlAuthSecret(dataFolder: string): Buffer {
  const path = join(dataFolder, "urlauth.key");
  if (!existsSync(path)) {
    const temporary = `${path}.new`;
    writeFileSync(temporary, `${randomBytes(SECRET_BYTES).toString("hex")}\n`, { mode: 0o600 });
    renameSync(temporary, path);
  }
  const secret = Buffer.from(readFileSync(path, "latin1").trim(), "hex");
  if (secret.length !== SECRET_BYTES) throw new Error(`${path} does not hold ${SECRET_BYTES} bytes in hex`);
  return secret;
}
