import { AdminError } from "../failure.ts";
import type { Operation } from "../operation.ts";

/** Delivers the payload as LMTP would. Refused recipients are in the answer; it fails when nobody got the message. */
export const deliver: Operation = {
  name: "deliver",
  async run(node, fields, output) {
    const recipients = fields.strings("recipients");
    const sender = fields.findString("sender") ?? "";
    fields.end();
    if (output.payload.length === 0) {
      throw new AdminError("argument_invalid", "the message is empty", {
        next: "Pass it on standard input: rookery deliver alice < message.eml",
      });
    }
    const answers = await node.deliver({ sender, recipients, message: output.payload });
    if (!answers.some((answer) => answer.accepted)) {
      const deferred = answers.some((answer) => answer.temporary);
      const reasons = answers.map(({ recipient, text }) => `${recipient}: ${text}`).join("; ");
      throw new AdminError(
        deferred ? "delivery_deferred" : "delivery_refused",
        `nobody took the message: ${reasons}`,
        { next: deferred ? "Try again later." : "See the users with: rookery user list" },
      );
    }
    return {
      recipients: answers.map(({ recipient, accepted, temporary, text }) => ({
        recipient,
        accepted,
        temporary,
        text,
      })),
    };
  },
};
