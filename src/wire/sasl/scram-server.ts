/**
 * Server side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677; channel bindings RFC 9266 and RFC 5929).
 * Knows no users: the caller looks the keys up between the two messages, and hands in made-up ones for users that do
 * not exist, so that both look alike.
 */
import { timingSafeEqual } from "node:crypto";
import { assert } from "../../base/assert.ts";
import { SaslError } from "./sasl-error.ts";
import { hmac, sha256, xor, type ScramKeys } from "./scram-keys.ts";
import { parseClientFinal, parseClientFirst, printServerFinal, printServerFirst } from "./scram-message.ts";
import type { ClientFirst } from "./scram-message.ts";

export type ChannelBindingType = "tls-exporter" | "tls-server-end-point";
export const CHANNEL_BINDING_TYPES: readonly ChannelBindingType[] = ["tls-exporter", "tls-server-end-point"];

export interface ScramServerOptions {
  readonly mechanism: "SCRAM-SHA-256" | "SCRAM-SHA-256-PLUS";
  /** Whether the -PLUS form was offered on this connection: what a client's "y" flag is checked against. */
  readonly plusOffered: boolean;
  channelBinding(type: ChannelBindingType): Buffer | undefined;
  /** Printable ASCII without comma, at least 18 random bytes' worth. */
  readonly nonce: string;
}

export class ScramServer {
  readonly #options: ScramServerOptions;
  #first: ClientFirst | undefined;
  #serverFirst = "";
  #nonce = "";

  constructor(options: ScramServerOptions) {
    this.#options = options;
  }

  /** @throws SaslError malformed, channel_binding */
  receiveFirst(message: Uint8Array): { readonly username: string; readonly authzid: string } {
    const first = parseClientFirst(message);
    this.#checkBindingFlag(first);
    this.#first = first;
    this.#nonce = first.nonce + this.#options.nonce;
    return { username: first.username, authzid: first.header.authzid };
  }

  challenge(keys: Pick<ScramKeys, "salt" | "iterations">): Buffer {
    this.#serverFirst = printServerFirst({
      nonce: this.#nonce,
      salt: keys.salt,
      iterations: keys.iterations,
    });
    return Buffer.from(this.#serverFirst);
  }

  /** The server-final message, or undefined when the proof is wrong. @throws SaslError malformed, channel_binding */
  receiveFinal(message: Uint8Array, keys: ScramKeys): Buffer | undefined {
    const first = this.#first;
    assert(first !== undefined && this.#serverFirst !== "", "SCRAM messages out of order");
    const final = parseClientFinal(message);
    if (final.nonce !== this.#nonce) throw new SaslError("malformed", "SCRAM nonce changed");
    if (!sameBytes(final.channelBinding, this.#expectedBinding(first))) {
      throw new SaslError("channel_binding", "SCRAM channel bindings do not match");
    }
    if (final.proof.length !== keys.storedKey.length)
      throw new SaslError("malformed", "bad SCRAM proof length");
    const signed = `${first.bare},${this.#serverFirst},${final.withoutProof}`;
    const candidate = xor(final.proof, hmac(keys.storedKey, signed));
    if (!sameBytes(sha256(candidate), keys.storedKey)) return undefined;
    return Buffer.from(printServerFinal({ signature: hmac(keys.serverKey, signed) }));
  }

  /** RFC 5802 §6: what the flag must be depends on which mechanism was chosen and what was offered. */
  #checkBindingFlag(first: ClientFirst): void {
    const { binding } = first.header;
    const plus = this.#options.mechanism === "SCRAM-SHA-256-PLUS";
    if (typeof binding === "string") {
      if (plus) throw new SaslError("malformed", "SCRAM-PLUS without channel binding");
      // The client would have bound, but the offer of -PLUS did not reach it: someone between took it away.
      if (binding === "y" && this.#options.plusOffered) {
        throw new SaslError(
          "channel_binding",
          "the offer of SCRAM-PLUS was removed on its way to the client",
        );
      }
    } else {
      if (!plus) throw new SaslError("malformed", "channel binding without SCRAM-PLUS");
      if (this.#bindingData(binding.type) === undefined) {
        throw new SaslError(
          "channel_binding",
          `channel binding type "${binding.type}" is not supported here`,
        );
      }
    }
  }

  #expectedBinding(first: ClientFirst): Buffer {
    const header = Buffer.from(first.headerText);
    if (typeof first.header.binding === "string") return header;
    const data = this.#bindingData(first.header.binding.type);
    assert(data !== undefined, "channel binding was checked with the first message");
    return Buffer.concat([header, data]);
  }

  #bindingData(type: string): Buffer | undefined {
    const known = CHANNEL_BINDING_TYPES.find((name) => name === type);
    return known === undefined ? undefined : this.#options.channelBinding(known);
  }
}

function sameBytes(left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}
