/** Client side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677). */
import { timingSafeEqual } from "node:crypto";
import { assert } from "../../base/assert.ts";
import { printGs2Header, type Gs2Header } from "./gs2-header.ts";
import { messageText } from "./message-text.ts";
import { prepare } from "./prepare.ts";
import type { SaltedPasswords } from "./salted-passwords.ts";
import { SaslError } from "./sasl-error.ts";
import { clientKey, hmac, saltedPassword, serverKey, sha256, xor } from "./scram-keys.ts";
import {
  parseServerFinal,
  parseServerFirst,
  printClientFinal,
  printClientFirst,
  printWithoutProof,
} from "./scram-message.ts";
import type { ChannelBindingType } from "./scram-server.ts";

/** RFC 7677 §4: an iteration count below this is an attempt to get a cheap hash out of the client. */
export const MIN_SCRAM_ITERATIONS = 4096;

export interface ScramClientOptions {
  readonly username: string;
  readonly password: string;
  readonly authzid: string;
  /** Set for the -PLUS form. */
  readonly channelBinding: { readonly type: ChannelBindingType; readonly data: Buffer } | undefined;
  /** The client could bind, but the server did not offer -PLUS ("y"): lets the server notice a downgrade. */
  readonly couldBind: boolean;
  readonly nonce: string;
  /** Kept from one login to the next; without it they are made anew. */
  readonly saltedPasswords?: SaltedPasswords | undefined;
}

export class ScramClient {
  readonly #options: ScramClientOptions;
  readonly #header: Gs2Header;
  readonly #first: { readonly whole: string; readonly bare: string };
  #expectedSignature: Buffer | undefined;
  #verified = false;

  constructor(options: ScramClientOptions) {
    this.#options = options;
    this.#header = {
      binding:
        options.channelBinding === undefined
          ? options.couldBind
            ? "y"
            : "n"
          : { type: options.channelBinding.type },
      authzid: options.authzid,
    };
    const name = prepare(options.username, "query");
    if (name === undefined) throw new SaslError("malformed", "the user name has prohibited characters");
    this.#first = printClientFirst(this.#header, name, options.nonce);
  }

  firstMessage(): Buffer {
    return Buffer.from(this.#first.whole);
  }

  /** @throws SaslError malformed, server_invalid */
  async finalMessage(challenge: Uint8Array): Promise<Buffer> {
    const serverFirst = messageText(challenge);
    const { nonce, salt, iterations } = parseServerFirst(serverFirst);
    if (!nonce.startsWith(this.#options.nonce) || nonce.length === this.#options.nonce.length) {
      throw new SaslError("server_invalid", "the server's SCRAM nonce does not extend ours");
    }
    if (iterations < MIN_SCRAM_ITERATIONS) {
      throw new SaslError(
        "server_invalid",
        `SCRAM iteration count ${iterations} is below ${MIN_SCRAM_ITERATIONS}`,
      );
    }
    const password = prepare(this.#options.password, "query");
    if (password === undefined) throw new SaslError("malformed", "the password has prohibited characters");
    const { saltedPasswords } = this.#options;
    const salted = await (saltedPasswords === undefined
      ? saltedPassword(password, salt, iterations)
      : saltedPasswords.get(password, salt, iterations));
    const header = Buffer.from(printGs2Header(this.#header));
    const binding = this.#options.channelBinding?.data;
    const withoutProof = printWithoutProof(
      binding === undefined ? header : Buffer.concat([header, binding]),
      nonce,
    );
    const signed = `${this.#first.bare},${serverFirst},${withoutProof}`;
    const key = clientKey(salted);
    this.#expectedSignature = hmac(serverKey(salted), signed);
    return Buffer.from(printClientFinal(withoutProof, xor(key, hmac(sha256(key), signed))));
  }

  /** @throws SaslError refused, server_invalid, malformed */
  verify(serverFinal: Uint8Array): void {
    const expected = this.#expectedSignature;
    assert(expected !== undefined, "SCRAM server-final before client-final");
    const final = parseServerFinal(serverFinal);
    if ("error" in final)
      throw new SaslError("refused", `the server refused the SCRAM proof: ${final.error}`);
    if (final.signature.length !== expected.length || !timingSafeEqual(final.signature, expected)) {
      throw new SaslError("server_invalid", "the server does not know the password");
    }
    this.#verified = true;
  }

  get verified(): boolean {
    return this.#verified;
  }
}
