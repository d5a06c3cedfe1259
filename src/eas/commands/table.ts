/** Every command of the gateway (MS-ASCMD §2.2.1). A new one is a file beside this one and a line here. */
import type { Command } from "../command.ts";
import { folderCreate } from "./folder-create.ts";
import { folderDelete } from "./folder-delete.ts";
import { folderSync } from "./folder-sync.ts";
import { folderUpdate } from "./folder-update.ts";
import { getItemEstimate } from "./get-item-estimate.ts";
import { moveItems } from "./move-items.ts";
import { ping } from "./ping.ts";
import { sync } from "./sync.ts";
import { find } from "./find.ts";
import { getAttachment } from "./get-attachment.ts";
import { itemOperations } from "./item-operations.ts";
import { meetingResponse } from "./meeting-response.ts";
import { resolveRecipients } from "./resolve-recipients.ts";
import { search } from "./search.ts";
import { validateCert } from "./validate-cert.ts";
import { provision } from "./provision.ts";
import type { CommandServices } from "./services.ts";
import { sendMail } from "./send-mail.ts";
import { settings } from "./settings.ts";
import { smartForward, smartReply } from "./smart-answer.ts";

type MakeCommand = (services: CommandServices) => Command;

const makers: readonly MakeCommand[] = [
  folderSync,
  folderCreate,
  folderUpdate,
  folderDelete,
  sync,
  ping,
  getItemEstimate,
  moveItems,
  sendMail,
  smartReply,
  smartForward,
  find,
  getAttachment,
  itemOperations,
  meetingResponse,
  resolveRecipients,
  search,
  validateCert,
  settings,
  provision,
];

/** By the name in the query string. */
export function commandTable(services: CommandServices): ReadonlyMap<string, Command> {
  return new Map(makers.map((make) => make(services)).map((command) => [command.name, command]));
}
