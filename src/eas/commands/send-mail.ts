/** SendMail: MS-ASCMD §2.2.1.17. An empty answer means that the message is on its way. */
import type { Command } from "../command.ts";
import { completeMessage } from "../mail/compose/outgoing.ts";
import { composeAnswer, identityOf } from "./compose-mail.ts";
import type { CommandServices } from "./services.ts";

export function sendMail(services: CommandServices): Command {
  const { clock } = services;
  return {
    name: "SendMail",
    run: (request) =>
      composeAnswer(request, services, (read) =>
        Promise.resolve(
          completeMessage(read.mime, {
            clock,
            account: request.account,
            identity: identityOf(request, read),
          }),
        ),
      ),
  };
}
