/**
 * Passwords of source users at rest (S4.56–58): AES-256-GCM with a key from a file. The alias of the key stands beside
 * each password, so that several keys are in use while one replaces another. A password is bound to its user: moved to
 * another row it does not open.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import type { Random } from "../base/io/random.ts";
import { MigrateError } from "./errors.ts";

const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const ALIAS = /^[A-Za-z0-9._-]{1,64}$/;

export interface EncryptedPassword {
  readonly alias: string;
  readonly iv: Buffer;
  /** Ciphertext and, at its end, the tag of 16 bytes. */
  readonly ciphertext: Buffer;
}

export interface PasswordOwner {
  readonly source: string;
  readonly sourceUid: string;
}

export interface StorageKeySettings {
  /** Which key new passwords get; undefined = passwords are refused. */
  readonly alias: string | undefined;
  /** Contents of the key files by alias. */
  readonly keys: ReadonlyMap<string, Buffer>;
  readonly random: Random;
}

export class StorageKeys {
  readonly #settings: StorageKeySettings;
  readonly #keys = new Map<string, Buffer>();

  /** @throws MigrateError no_key for a file that holds no key, or an alias without one */
  constructor(settings: StorageKeySettings) {
    this.#settings = settings;
    for (const [alias, file] of settings.keys) {
      if (!ALIAS.test(alias)) throw new MigrateError("no_key", `"${alias}" is no alias of a storage key`);
      this.#keys.set(alias, readKey(alias, file));
    }
    const { alias } = settings;
    if (alias !== undefined && !this.#keys.has(alias)) {
      throw new MigrateError("no_key", `storage key "${alias}" has no file`);
    }
  }

  get aliases(): readonly string[] {
    return [...this.#keys.keys()];
  }

  /** @throws MigrateError no_key when none is configured */
  encrypt(password: string, owner: PasswordOwner): EncryptedPassword {
    const { alias, random } = this.#settings;
    const key = alias === undefined ? undefined : this.#keys.get(alias);
    if (alias === undefined || key === undefined) {
      throw new MigrateError("no_key", "passwords of users are refused: no storage key is configured");
    }
    const iv = random.bytes(IV_BYTES);
    const cipher = createCipheriv("aes-256-gcm", key, iv);
    cipher.setAAD(boundTo(owner, alias));
    const body = Buffer.concat([cipher.update(password, "utf8"), cipher.final()]);
    return { alias, iv, ciphertext: Buffer.concat([body, cipher.getAuthTag()]) };
  }

  /** @throws MigrateError no_key when its key is not here or does not fit */
  decrypt({ alias, iv, ciphertext }: EncryptedPassword, owner: PasswordOwner): string {
    const key = this.#keys.get(alias);
    const whose = `the password of "${owner.sourceUid}" of source "${owner.source}"`;
    if (key === undefined) {
      throw new MigrateError(
        "no_key",
        `${whose} is encrypted with storage key "${alias}", which is not configured`,
      );
    }
    try {
      const body = ciphertext.subarray(0, -TAG_BYTES);
      const decipher = createDecipheriv("aes-256-gcm", key, iv, { authTagLength: TAG_BYTES });
      decipher.setAuthTag(ciphertext.subarray(-TAG_BYTES));
      decipher.setAAD(boundTo(owner, alias));
      return Buffer.concat([decipher.update(body), decipher.final()]).toString("utf8");
    } catch (error) {
      throw new MigrateError("no_key", `${whose} does not open with storage key "${alias}"`, {
        cause: error,
      });
    }
  }
}

function boundTo({ source, sourceUid }: PasswordOwner, alias: string): Buffer {
  return Buffer.from(JSON.stringify([source, sourceUid, alias]), "utf8");
}

/** 32 bytes as they are, as 64 hexadecimal digits or in base64. */
function readKey(alias: string, file: Buffer): Buffer {
  if (file.length === KEY_BYTES) return file;
  const text = file.toString("latin1").trim();
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Buffer.from(text, "hex");
  const decoded = /^[A-Za-z0-9+/]{43}=?$/.test(text) ? Buffer.from(text, "base64") : undefined;
  if (decoded?.length === KEY_BYTES) return decoded;
  throw new MigrateError(
    "no_key",
    `the file of storage key "${alias}" holds no AES-256 key: expected ${KEY_BYTES} bytes, also as hex or base64`,
  );
}
