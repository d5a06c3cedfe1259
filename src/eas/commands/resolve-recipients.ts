/**
 * ResolveRecipients: MS-ASCMD §2.2.1.15. Completes names from the address list. Nobody's certificates are known here, and
 * free/busy times come with calendars: both are said, neither is an error of the command.
 */
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import { AccountError, type DirectoryPerson } from "../account/port.ts";
import type { Command, EasAnswer, EasRequest } from "../command.ts";
import type { Element } from "../element.ts";
import { parseAddresses } from "../mail/compose/header.ts";
import { photosOf, readPhotoWish } from "./people-properties.ts";

const ROOT = tagOf("ResolveRecipients:ResolveRecipients");
const STATUS = tagOf("ResolveRecipients:Status");
const RESPONSE = tagOf("ResolveRecipients:Response");
const TO = tagOf("ResolveRecipients:To");
const OPTIONS = tagOf("ResolveRecipients:Options");
const CERTIFICATE_RETRIEVAL = tagOf("ResolveRecipients:CertificateRetrieval");
const MAX_AMBIGUOUS = tagOf("ResolveRecipients:MaxAmbiguousRecipients");
const AVAILABILITY = tagOf("ResolveRecipients:Availability");
const PICTURE = tagOf("ResolveRecipients:Picture");
const MAX_SIZE = tagOf("ResolveRecipients:MaxSize");
const MAX_PICTURES = tagOf("ResolveRecipients:MaxPictures");
const DATA = tagOf("ResolveRecipients:Data");
const RECIPIENT_COUNT = tagOf("ResolveRecipients:RecipientCount");
const RECIPIENT = tagOf("ResolveRecipients:Recipient");
const TYPE = tagOf("ResolveRecipients:Type");
const DISPLAY_NAME = tagOf("ResolveRecipients:DisplayName");
const EMAIL_ADDRESS = tagOf("ResolveRecipients:EmailAddress");
const CERTIFICATES = tagOf("ResolveRecipients:Certificates");
const CERTIFICATE_COUNT = tagOf("ResolveRecipients:CertificateCount");

/** MS-ASCMD §2.2.3.177.11. */
const OK = 1;
const AMBIGUOUS = 2;
const NOT_FOUND = 4;
const PROTOCOL_ERROR = 5;
const SERVER_ERROR = 6;
const NO_CERTIFICATES = 7;
const AVAILABILITY_FAILED = 163;

const FROM_ADDRESS_LIST = 1;
const NO_RETRIEVAL = 1;
/** MS-ASCMD §2.2.3.184. */
const MAX_NAMES = 1_000;
const MAX_NAME_CHARACTERS = 256;
const DEFAULT_AMBIGUOUS = 19;
const MAX_PEOPLE = 100;

export function resolveRecipients(): Command {
  return {
    name: "ResolveRecipients",
    async run(request): Promise<EasAnswer> {
      const { root } = request;
      const names = root?.all(TO).map(({ text }) => text) ?? [];
      const isGood = names.every((name) => name !== "" && name.length <= MAX_NAME_CHARACTERS);
      if (root?.tag !== ROOT || names.length === 0 || names.length > MAX_NAMES || !isGood) {
        return onlyStatus(PROTOCOL_ERROR);
      }
      const writer = new WbxmlWriter().start(ROOT).text(STATUS, OK);
      try {
        for (const name of names) await writeResponse(request, writer, name, root.child(OPTIONS));
      } catch (error) {
        if (!(error instanceof AccountError)) throw error;
        request.log.warn("address list not searched", { err: error });
        return onlyStatus(SERVER_ERROR);
      }
      return { kind: "wbxml", bytes: writer.end().finish() };
    },
  };
}

async function writeResponse(
  request: EasRequest,
  writer: WbxmlWriter,
  name: string,
  options: Element | undefined,
): Promise<void> {
  const most = Math.max(1, Math.min(options?.numberOf(MAX_AMBIGUOUS) ?? DEFAULT_AMBIGUOUS, MAX_PEOPLE));
  const { total, people } = await resolve(request, name, most);
  writer
    .start(RESPONSE)
    .text(TO, name)
    .text(STATUS, people.length === 0 ? NOT_FOUND : people.length === 1 ? OK : AMBIGUOUS);
  if (people.length > 0) {
    writer.text(RECIPIENT_COUNT, Math.max(total, people.length));
    const wish =
      request.version < 141 ? undefined : readPhotoWish(options?.child(PICTURE), MAX_SIZE, MAX_PICTURES);
    const photos = await photosOf(request, people, wish);
    for (const [index, person] of people.entries()) {
      writer
        .start(RECIPIENT)
        .text(TYPE, FROM_ADDRESS_LIST)
        .text(DISPLAY_NAME, person.displayName)
        .text(EMAIL_ADDRESS, person.address);
      if (request.version >= 140 && options?.child(AVAILABILITY) !== undefined) {
        writer.start(AVAILABILITY).text(STATUS, AVAILABILITY_FAILED).end();
      }
      if ((options?.numberOf(CERTIFICATE_RETRIEVAL) ?? NO_RETRIEVAL) > NO_RETRIEVAL) {
        writer.start(CERTIFICATES).text(STATUS, NO_CERTIFICATES).text(CERTIFICATE_COUNT, 0).end();
      }
      const photo = photos[index];
      if (photo !== undefined) {
        writer.start(PICTURE).text(STATUS, photo.status);
        if (photo.bytes !== undefined) writer.text(DATA, photo.bytes.toString("base64"));
        writer.end();
      }
      writer.end();
    }
  }
  writer.end();
}

/** Somebody's very address means him alone. */
async function resolve(
  { account }: EasRequest,
  name: string,
  most: number,
): Promise<{ total: number; people: readonly DirectoryPerson[] }> {
  const asked = (parseAddresses(name)[0]?.address || name).trim();
  const { total, people } = await account.searchDirectory(asked, most);
  const exact = people.filter(({ address }) => address.toLowerCase() === asked.toLowerCase());
  return exact.length === 1 ? { total: 1, people: exact } : { total, people };
}

function onlyStatus(status: number): EasAnswer {
  return { kind: "wbxml", bytes: new WbxmlWriter().start(ROOT).text(STATUS, status).end().finish() };
}
