/**
 * Sending once what a device sends again because it heard no answer.
 *
 * Since 14.0 a ClientId names the message. Up to 12.1 nothing does, so it is known by its content:
 *
 * - With a Message-ID of its own the same bytes are the same message (RFC 5322 §3.6.4), whatever became of the answer.
 * - Without one a user may write the same two lines twice. Then it is taken for a repetition only when the answer to the
 *   first was not written whole to its connection: the process died, or the device went away.
 *
 * What was begun and not ended keeps its key: the account is asked with the same one and can tell what came of it.
 */
import { createHash } from "node:crypto";
import { fieldValues, headerEnd } from "../../mime/headers.ts";
import { AccountError } from "../account/port.ts";
import type { EasRequest } from "../command.ts";
import type { StateAddress } from "../state/port.ts";
import type { ComposeRequest } from "./compose-mail.ts";
import type { CommandServices } from "./services.ts";

/** For so long the same bytes are taken for the same message. */
const NAMED_WINDOW_MS = 2 * 86_400_000;
const NAMELESS_WINDOW_MS = 2 * 3_600_000;
/** MS-ASCMD §2.2.3.29: 40 characters; what is longer is known by its hash. */
const MAX_CLIENT_ID = 64;
const ID_BYTES = 12;

interface Known {
  readonly id: string;
  readonly isSent: boolean;
  readonly atMs: number;
}

export interface SendOnce {
  /** Names the message like a ClientId. */
  readonly id: string;
  readonly wasSent: boolean;
  /** It is on its way. */
  sent(): Promise<void>;
  /** The device has the answer. */
  readonly delivered?: () => void;
}

export async function sendOnce(
  request: EasRequest,
  read: ComposeRequest,
  services: Pick<CommandServices, "clock" | "random">,
): Promise<SendOnce> {
  return read.clientId === "" ? byContent(request, read, services) : byClientId(request, read.clientId);
}

async function byClientId(request: EasRequest, clientId: string): Promise<SendOnce> {
  const key =
    clientId.length <= MAX_CLIENT_ID ? clientId : createHash("sha256").update(clientId).digest("hex");
  const address = addressOf(request, key);
  return {
    id: clientId,
    wasSent: (await request.states.get(address)) !== undefined,
    async sent() {
      await request.states.put([{ ...address, expected: 0, value: Buffer.from("1") }]);
    },
  };
}

async function byContent(
  request: EasRequest,
  read: ComposeRequest,
  services: Pick<CommandServices, "clock" | "random">,
  isSecondTry = false,
): Promise<SendOnce> {
  const { clock, random } = services;
  const { states, log } = request;
  const { mime } = read;
  const isNamed = fieldValues(mime, 0, headerEnd(mime), "message-id").length > 0;
  const windowMs = isNamed ? NAMED_WINDOW_MS : NAMELESS_WINDOW_MS;
  const address = addressOf(request, `mime:${digestOf(request, mime)}`);
  const stored = await states.get(address);
  const last = stored === undefined ? undefined : (JSON.parse(stored.value.toString("utf8")) as Known);
  const nowMs = clock.nowMs();
  const isKnown = last !== undefined && nowMs - last.atMs < windowMs;
  const known: Known = isKnown
    ? last
    : { id: random.bytes(ID_BYTES).toString("hex"), isSent: false, atMs: nowMs };
  const write = async (expected: number, value: Known): Promise<boolean> =>
    states.put([{ ...address, expected, value: Buffer.from(JSON.stringify(value)) }]);
  if (!isKnown && !(await write(stored?.version ?? 0, known))) {
    // Another gateway got the same request at the same moment: what it wrote counts.
    if (isSecondTry) throw new AccountError("unavailable", "another gateway sends the same message");
    return byContent(request, read, services, true);
  }
  const forget = (): void => {
    states
      .forget(address)
      .catch((error: unknown) => log.info("sent message stays known by its content", { err: error }));
  };
  return {
    id: known.id,
    wasSent: known.isSent,
    async sent() {
      const now = await states.get(address);
      await write(now?.version ?? 0, { ...known, isSent: true });
    },
    ...(!isNamed && { delivered: forget }),
  };
}

/** The message and what the query says about it. */
function digestOf({ command, parameters }: EasRequest, mime: Buffer): string {
  const named = ["SaveInSent", "CollectionId", "ItemId", "LongId"].map((name) => parameters.get(name) ?? "");
  return createHash("sha256")
    .update(JSON.stringify([command, ...named]))
    .update(mime)
    .digest("hex");
}

function addressOf({ device: { userId, deviceId } }: EasRequest, key: string): StateAddress {
  return { userId, deviceId, kind: "sent", key };
}
