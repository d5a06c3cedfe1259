import type { TestDefinition } from "../compiler.ts";
import { address } from "./address.ts";
import { body } from "./body.ts";
import { currentdate, date } from "./date.ts";
import { duplicate } from "./duplicate.ts";
import { envelope } from "./envelope.ts";
import { environment } from "./environment.ts";
import { exists } from "./exists.ts";
import { hasflag } from "./hasflag.ts";
import { header } from "./header.ts";
import { ihave } from "./ihave.ts";
import { allof, always, anyof, never, not } from "./logic.ts";
import {
  mailboxexists,
  mailboxidexists,
  metadata,
  metadataexists,
  servermetadata,
  servermetadataexists,
  specialuseExists,
} from "./mailbox.ts";
import { notifyMethodCapability, validNotifyMethod } from "./notify.ts";
import { size } from "./size.ts";
import { string } from "./string.ts";
import { validExtList } from "./valid-ext-list.ts";

/** Every test there is, by its name in a script. */
export const testTable: ReadonlyMap<string, TestDefinition> = new Map(
  [
    address,
    allof,
    always,
    anyof,
    body,
    currentdate,
    date,
    duplicate,
    envelope,
    environment,
    exists,
    hasflag,
    header,
    ihave,
    mailboxexists,
    mailboxidexists,
    metadata,
    metadataexists,
    never,
    not,
    notifyMethodCapability,
    servermetadata,
    servermetadataexists,
    size,
    specialuseExists,
    string,
    validExtList,
    validNotifyMethod,
  ].map((definition) => [definition.name, definition]),
);
