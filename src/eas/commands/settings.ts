/**
 * Settings: MS-ASCMD §2.2.1.18. Each property is answered on its own, with its own Status: out of office, device
 * information, device password, user information, rights management.
 */
import { type Tag, tagOf } from "../../wire/wbxml/code-pages.ts";
import { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import { AccountError } from "../account/port.ts";
import type { Command, EasAnswer, EasRequest } from "../command.ts";
import { readInformation } from "../devices/information.ts";
import type { Element } from "../element.ts";
import { readVacation, VacationRefused, writeVacation } from "./out-of-office.ts";

const SETTINGS = tagOf("Settings:Settings");
const STATUS = tagOf("Settings:Status");
const GET = tagOf("Settings:Get");
const SET = tagOf("Settings:Set");
const OOF = tagOf("Settings:Oof");
const DEVICE_INFORMATION = tagOf("Settings:DeviceInformation");
const DEVICE_PASSWORD = tagOf("Settings:DevicePassword");
const USER_INFORMATION = tagOf("Settings:UserInformation");
const RIGHTS = tagOf("Settings:RightsManagementInformation");
const RIGHTS_TEMPLATES = tagOf("RightsManagement:RightsManagementTemplates");
const ACCOUNTS = tagOf("Settings:Accounts");
const ACCOUNT = tagOf("Settings:Account");
const USER_DISPLAY_NAME = tagOf("Settings:UserDisplayName");
const EMAIL_ADDRESSES = tagOf("Settings:EmailAddresses");
const SMTP_ADDRESS = tagOf("Settings:SmtpAddress");
const PRIMARY_ADDRESS = tagOf("Settings:PrimarySmtpAddress");

/** MS-ASCMD §2.2.3.177.14. */
const OK = 1;
const PROTOCOL_ERROR = 2;
const ACCESS_DENIED = 3;
const SERVER_UNAVAILABLE = 4;
const INVALID_ARGUMENTS = 5;
const DENIED_BY_POLICY = 7;
/** MS-ASCMD §2.2.2: rights management is not switched on. */
const RIGHTS_MANAGEMENT_OFF = 168;
const RIGHTS_VERSION = 141;

type Property = (element: Element, request: EasRequest, writer: WbxmlWriter) => Promise<void>;

const properties: ReadonlyMap<Tag, Property> = new Map<Tag, Property>([
  [OOF, outOfOffice],
  [DEVICE_INFORMATION, deviceInformation],
  [
    DEVICE_PASSWORD,
    async (element, _, writer) =>
      writeStatus(
        writer,
        DEVICE_PASSWORD,
        element.child(SET) === undefined ? PROTOCOL_ERROR : DENIED_BY_POLICY,
      ),
  ],
  [USER_INFORMATION, userInformation],
  [RIGHTS, async (_, __, writer) => writeNoRights(writer)],
]);

export function settings(): Command {
  return {
    name: "Settings",
    async run(request) {
      const { root } = request;
      const asked = root?.children ?? [];
      const unknown = asked.some(
        ({ tag }) => !properties.has(tag) || (tag === RIGHTS && request.version < RIGHTS_VERSION),
      );
      const repeated = new Set(asked.map(({ tag }) => tag)).size < asked.length;
      if (root?.tag !== SETTINGS || asked.length === 0 || unknown || repeated)
        return onlyStatus(PROTOCOL_ERROR);
      const writer = new WbxmlWriter().start(SETTINGS).text(STATUS, OK);
      for (const element of asked) await properties.get(element.tag)?.(element, request, writer);
      return { kind: "wbxml", bytes: writer.end().finish() };
    },
  };
}

async function outOfOffice(element: Element, { account }: EasRequest, writer: WbxmlWriter): Promise<void> {
  const get = element.child(GET);
  const set = element.child(SET);
  try {
    if ((get === undefined) === (set === undefined)) {
      writeStatus(writer, OOF, PROTOCOL_ERROR);
    } else if (set !== undefined) {
      await account.setVacation(readVacation(set));
      writeStatus(writer, OOF, OK);
    } else {
      const vacation = await account.vacation();
      writer.start(OOF).text(STATUS, OK).start(GET);
      writeVacation(writer, vacation);
      writer.end().end();
    }
  } catch (error) {
    writeStatus(writer, OOF, vacationStatus(error));
  }
}

function vacationStatus(error: unknown): number {
  if (error instanceof VacationRefused) return INVALID_ARGUMENTS;
  if (!(error instanceof AccountError)) throw error;
  if (error.code === "permission_denied") return ACCESS_DENIED;
  if (error.code === "unavailable") return SERVER_UNAVAILABLE;
  throw error;
}

async function deviceInformation(element: Element, request: EasRequest, writer: WbxmlWriter): Promise<void> {
  const { states, device } = request;
  const known = await states.device(device.userId, device.deviceId);
  if (element.child(SET) === undefined || known === undefined) {
    writeStatus(writer, DEVICE_INFORMATION, PROTOCOL_ERROR);
    return;
  }
  const information = { ...known.information, ...readInformation(element) };
  if (JSON.stringify(information) !== JSON.stringify(known.information)) {
    await states.updateDevice(device.userId, device.deviceId, { information });
  }
  writeStatus(writer, DEVICE_INFORMATION, OK);
}

/** Addresses alone up to 14.0, in accounts from 14.1 on: MS-ASCMD §2.2.3.195. */
async function userInformation(element: Element, request: EasRequest, writer: WbxmlWriter): Promise<void> {
  const { account, version } = request;
  if (element.child(GET) === undefined) {
    writeStatus(writer, USER_INFORMATION, PROTOCOL_ERROR);
    return;
  }
  writer.start(USER_INFORMATION).text(STATUS, OK).start(GET);
  if (version >= 141) {
    writer.start(ACCOUNTS).start(ACCOUNT);
    if (account.displayName !== "") writer.text(USER_DISPLAY_NAME, account.displayName);
  }
  writer.start(EMAIL_ADDRESSES);
  for (const address of account.addresses) writer.text(SMTP_ADDRESS, address);
  const [primary] = account.addresses;
  if (version >= 141 && primary !== undefined) writer.text(PRIMARY_ADDRESS, primary);
  writer.end();
  if (version >= 141) writer.end().end();
  writer.end().end();
}

/** The schema wants the list of templates whatever the status is: MS-ASCMD §6.40. */
function writeNoRights(writer: WbxmlWriter): void {
  writer.start(RIGHTS).text(STATUS, RIGHTS_MANAGEMENT_OFF);
  writer.start(GET).empty(RIGHTS_TEMPLATES).end().end();
}

function writeStatus(writer: WbxmlWriter, property: Tag, status: number): void {
  writer.start(property).text(STATUS, status).end();
}

function onlyStatus(status: number): EasAnswer {
  return { kind: "wbxml", bytes: new WbxmlWriter().start(SETTINGS).text(STATUS, status).end().finish() };
}
