/**
 * Status codes that every command shares (MS-ASCMD §2.2.2), and what is sent instead where the protocol version has none:
 * versions before 14.0 know only HTTP statuses.
 */
import { type Tag, tagOf } from "../wire/wbxml/code-pages.ts";
import { WbxmlWriter } from "../wire/wbxml/writer.ts";
import type { EasAnswer } from "./command.ts";
import type { ProtocolVersion } from "./version.ts";

/** Common status → HTTP status of 12.1. */
const COMMON_STATUSES = {
  invalid_content: [101, 400],
  invalid_wbxml: [102, 400],
  invalid_xml: [103, 400],
  device_id_invalid: [108, 400],
  device_type_invalid: [109, 400],
  server_error: [110, 500],
  server_error_retry_later: [111, 503],
  mailbox_quota_exceeded: [113, 507],
  attachment_too_large: [122, 413],
  user_disabled_for_sync: [126, 403],
  device_blocked: [129, 403],
  access_denied: [130, 403],
  account_disabled: [131, 403],
  command_not_supported: [137, 501],
  version_not_supported: [138, 505],
  device_not_fully_provisionable: [139, 403],
  remote_wipe_requested: [140, 449],
  device_not_provisioned: [142, 449],
  policy_refresh: [143, 449],
  invalid_policy_key: [144, 449],
  maximum_devices_reached: [177, 403],
} as const satisfies Record<string, readonly [status: number, http: number]>;
export type CommonStatus = keyof typeof COMMON_STATUSES;

/** Why a request gets no answer of its command. Commands may throw it too. */
export class EasRefusal extends Error {
  override name = "EasRefusal";
  readonly code: CommonStatus;
  constructor(code: CommonStatus, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  get status(): number {
    return COMMON_STATUSES[this.code][0];
  }

  get httpStatus(): number {
    return COMMON_STATUSES[this.code][1];
  }
}

/** Root element and Status of the answer to a command; GetAttachment answers no WBXML. */
const STATUS_TAGS: ReadonlyMap<string, readonly [root: Tag, status: Tag]> = new Map(
  [
    ["Sync", "AirSync"],
    ["SendMail", "ComposeMail"],
    ["SmartForward", "ComposeMail"],
    ["SmartReply", "ComposeMail"],
    ["FolderSync", "FolderHierarchy"],
    ["FolderCreate", "FolderHierarchy"],
    ["FolderDelete", "FolderHierarchy"],
    ["FolderUpdate", "FolderHierarchy"],
    ["MoveItems", "Move"],
    ["GetItemEstimate", "GetItemEstimate"],
    ["MeetingResponse", "MeetingResponse"],
    ["Search", "Search"],
    ["Find", "Find"],
    ["Settings", "Settings"],
    ["Ping", "Ping"],
    ["ItemOperations", "ItemOperations"],
    ["Provision", "Provision"],
    ["ResolveRecipients", "ResolveRecipients"],
    ["ValidateCert", "ValidateCert"],
  ].map(([command = "", page = ""]) => [command, [tagOf(`${page}:${command}`), tagOf(`${page}:Status`)]]),
);

const MEETING_RESPONSE = tagOf("MeetingResponse:MeetingResponse");
const MEETING_RESULT = tagOf("MeetingResponse:Result");

/** Device that wants to know why: the answer of the version it speaks. 449 is "Retry after sending a PROVISION command". */
export function refusalAnswer(
  refusal: EasRefusal,
  command: string,
  version: ProtocolVersion,
  retryAfterMs: number,
): EasAnswer {
  const tags = STATUS_TAGS.get(command);
  // What passes by itself is told in HTTP in every version: each client knows to come again then.
  const byStatus = version >= 140 && tags !== undefined && refusal.code !== "server_error_retry_later";
  if (byStatus) {
    const [root, status] = tags;
    const writer = new WbxmlWriter().start(root);
    // The only command without a Status of its own: MS-ASCMD §6.26.
    if (root === MEETING_RESPONSE) writer.start(MEETING_RESULT).text(status, refusal.status).end();
    else writer.text(status, refusal.status);
    return { kind: "wbxml", bytes: writer.end().finish() };
  }
  const headers = refusal.httpStatus === 503 ? retryAfter(retryAfterMs) : {};
  return { kind: "http", status: refusal.httpStatus, headers, text: refusal.message };
}

export function retryAfter(delayMs: number): Record<string, string> {
  return { "Retry-After": String(Math.max(1, Math.ceil(delayMs / 1000))) };
}
