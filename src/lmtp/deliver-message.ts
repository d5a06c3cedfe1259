import type { Log } from "../base/log.ts";
import type { Delivery } from "../delivery/delivery.ts";
import type { Envelope } from "../delivery/envelope.ts";
import type { Outcome } from "../delivery/outcome.ts";
import type { MessageCollector } from "./message-collector.ts";
import type { LmtpMetrics } from "./metrics.ts";
import { INTERNAL_ERROR, oneLine, type Reply, replyTo } from "./reply.ts";
import type { Transaction } from "./transaction.ts";

interface Ports {
  readonly delivery: Delivery;
  readonly log: Log;
  readonly metrics: LmtpMetrics;
}

/** Hands a whole message to delivery: one reply for each accepted recipient, in their order (RFC 2033 §4.2). */
export async function deliverMessage(
  ports: Ports,
  transaction: Transaction,
  collector: MessageCollector,
  envelope: Envelope,
): Promise<readonly Reply[]> {
  const { addressees } = transaction;
  const replies = await repliesFor(ports, transaction, collector, envelope);
  for (const reply of replies) ports.metrics.recipients.inc({ code: reply.slice(0, 3) });
  // The address tells the replies of one transaction apart in the MTA's log.
  return replies.map((reply, index) => {
    const enhanced = /^\d{3} \d\.\d+\.\d+/.exec(reply)?.[0] ?? reply.slice(0, 3);
    return `${enhanced} <${oneLine(addressees[index]?.address ?? "")}>${reply.slice(enhanced.length)}`;
  });
}

async function repliesFor(
  ports: Ports,
  { addressees }: Transaction,
  collector: MessageCollector,
  envelope: Envelope,
): Promise<readonly Reply[]> {
  if (collector.tooBig) {
    collector.discard();
    return addressees.map(() => "552 5.3.4 Message is too big");
  }
  try {
    const message = await collector.finish();
    try {
      const outcomes = await ports.delivery.deliver(message, envelope, addressees);
      return outcomes.map((outcome) => replyOf(outcome, envelope.id));
    } finally {
      message.body.release();
    }
  } catch (error) {
    collector.discard();
    const reply = replyTo(error);
    ports.log.error("message not filed", { id: envelope.id, err: error });
    return addressees.map(() => reply ?? INTERNAL_ERROR);
  }
}

function replyOf(outcome: Outcome, id: string): Reply {
  if (outcome.status === "refused") return perRecipient(replyTo(outcome.error) ?? INTERNAL_ERROR);
  return outcome.status === "duplicate"
    ? `250 2.1.5 Delivered already (${id})`
    : `250 2.1.5 Delivered (${id})`;
}

/** 421 closes a session and cannot stand among the replies of several recipients. */
function perRecipient(reply: Reply): Reply {
  return reply.startsWith("421") ? `451${reply.slice(3)}` : reply;
}
