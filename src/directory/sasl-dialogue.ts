/** The server's side of a SASL exchange in protocols that carry base64 (RFC 4422 §4): LMTP, POP3, ManageSieve. */
import type { Identity, SaslExchange } from "./port.ts";

/** How a protocol says it. */
export interface SaslVoice<Reply> {
  /** Sends the challenge; the client's next line goes to `answer`. */
  challenge(base64: string, answer: (line: string) => Reply | Promise<Reply>): Reply;
  /** `additionalData` in base64, for protocols that send it along with success. */
  success(identity: Identity, additionalData: string | undefined): Reply | Promise<Reply>;
  /** The refusal to throw. */
  refusal(why: "cancelled" | "not_base64"): Error;
  /** Otherwise sent as a last challenge that the client answers with nothing (RFC 4422 §3.6). */
  readonly hasDataWithSuccess: boolean;
  /** "=" stands for an empty initial response (RFC 4954 §4, RFC 5034 §4). */
  readonly hasEmptyMark: boolean;
}

/** @param initial as the client wrote it; undefined = none. @throws AuthError and the voice's refusals */
export async function startSaslDialogue<Reply>(
  exchange: SaslExchange,
  initial: string | undefined,
  voice: SaslVoice<Reply>,
): Promise<Reply> {
  const ask = (data: Buffer): Reply =>
    voice.challenge(data.toString("base64"), (line) => {
      refuseCancelled(line);
      return step(decode(line));
    });
  const step = async (message: Buffer): Promise<Reply> => {
    const result = await exchange.step(message);
    if (result.kind === "challenge") return ask(result.data);
    const { identity, data } = result;
    if (data === undefined || voice.hasDataWithSuccess) {
      return voice.success(identity, data?.toString("base64"));
    }
    return voice.challenge(data.toString("base64"), (line) => {
      refuseCancelled(line);
      return voice.success(identity, undefined);
    });
  };
  const refuseCancelled = (line: string): void => {
    if (line === "*") throw voice.refusal("cancelled");
  };
  const decode = (text: string): Buffer => {
    if (text === "=" && voice.hasEmptyMark) return Buffer.alloc(0);
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) throw voice.refusal("not_base64");
    return Buffer.from(text, "base64");
  };
  if (initial !== undefined) return step(decode(initial));
  return exchange.serverFirst ? step(Buffer.alloc(0)) : ask(Buffer.alloc(0));
}
