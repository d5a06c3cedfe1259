import type { DeliveryAnswer, MessageToDeliver } from "../admin/context.ts";
import type { Random } from "../base/io/random.ts";
import type { Addressee } from "../delivery/addressee.ts";
import type { Delivery } from "../delivery/delivery.ts";
import { MAX_HEAD_BYTES } from "../delivery/envelope.ts";
import { isTemporary } from "../delivery/outcome.ts";
import { DeliveryRefusal } from "../delivery/refusal.ts";
import { SmtpFailure } from "../queue/smtp-failure.ts";
import { StoreError } from "../store/errors.ts";
import type { Store } from "../store/port.ts";

/** `rookery deliver` and the demo: the same delivery as LMTP's, without the wire. */
export async function deliverLocally(
  ports: { readonly store: Store; readonly delivery: Delivery; readonly random: Random },
  { sender, recipients, message }: MessageToDeliver,
): Promise<readonly DeliveryAnswer[]> {
  const { store, delivery, random } = ports;
  const options = { sizeBytes: message.length, ignoreQuota: false, authenticatedAs: "" };
  const resolved = await Promise.all(
    recipients.map((recipient) => delivery.resolve(recipient, options).catch(refusalOnly)),
  );
  const addressees = resolved.filter((one): one is Addressee => !(one instanceof Error));
  const body = store.stageBuffer(message);
  try {
    const outcomes =
      addressees.length === 0
        ? []
        : await delivery.deliver(
            { body, head: message.subarray(0, MAX_HEAD_BYTES) },
            {
              sender,
              senderText: sender,
              id: `d${random.bytes(6).toString("hex")}`,
              peerName: "localhost",
              peerAddress: "127.0.0.1",
              protocol: "LMTP",
              tls: "",
              authenticatedAs: "",
            },
            addressees,
          );
    const pending = outcomes.values();
    return recipients.map((recipient, at): DeliveryAnswer => {
      const refused = resolved[at];
      if (refused instanceof Error) return answerOf(recipient, refused);
      const outcome = pending.next().value;
      if (outcome?.status === "refused") return answerOf(recipient, outcome.error);
      return { recipient, accepted: true, temporary: false, text: outcome?.status ?? "delivered" };
    });
  } finally {
    body.release();
  }
}

/** The queue's way to our own users. @throws SmtpFailure */
export async function deliverQueued(
  ports: { readonly store: Store; readonly delivery: Delivery; readonly random: Random },
  sender: string,
  recipient: string,
  message: Buffer,
): Promise<void> {
  const [answer] = await deliverLocally(ports, { sender, recipients: [recipient], message });
  if (answer === undefined || answer.accepted) return;
  throw answer.temporary
    ? new SmtpFailure(451, `4.2.0 ${answer.text}`)
    : new SmtpFailure(550, `5.2.0 ${answer.text}`);
}

/** What is no refusal is a fault of ours and stops the whole. */
function refusalOnly(error: unknown): Error {
  if (error instanceof DeliveryRefusal || error instanceof StoreError) return error;
  throw error;
}

function answerOf(recipient: string, error: Error): DeliveryAnswer {
  return { recipient, accepted: false, temporary: isTemporary(error), text: error.message };
}
