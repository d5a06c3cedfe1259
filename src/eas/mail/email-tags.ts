/** Tags of the Email class: MS-ASEMAIL §2.2.2, MS-ASAIRS §2.2.2. */
import { tagOf } from "../../wire/wbxml/code-pages.ts";

export const email = {
  to: tagOf("Email:To"),
  cc: tagOf("Email:Cc"),
  from: tagOf("Email:From"),
  subject: tagOf("Email:Subject"),
  replyTo: tagOf("Email:ReplyTo"),
  dateReceived: tagOf("Email:DateReceived"),
  displayTo: tagOf("Email:DisplayTo"),
  threadTopic: tagOf("Email:ThreadTopic"),
  importance: tagOf("Email:Importance"),
  read: tagOf("Email:Read"),
  messageClass: tagOf("Email:MessageClass"),
  internetCpid: tagOf("Email:InternetCPID"),
  contentClass: tagOf("Email:ContentClass"),
  flag: tagOf("Email:Flag"),
  flagStatus: tagOf("Email:Status"),
  flagType: tagOf("Email:FlagType"),
  categories: tagOf("Email:Categories"),
  category: tagOf("Email:Category"),
} as const;

export const email2 = {
  conversationId: tagOf("Email2:ConversationId"),
  conversationIndex: tagOf("Email2:ConversationIndex"),
  lastVerbExecuted: tagOf("Email2:LastVerbExecuted"),
  lastVerbExecutionTime: tagOf("Email2:LastVerbExecutionTime"),
  receivedAsBcc: tagOf("Email2:ReceivedAsBcc"),
  sender: tagOf("Email2:Sender"),
  isDraft: tagOf("Email2:IsDraft"),
  bcc: tagOf("Email2:Bcc"),
  send: tagOf("Email2:Send"),
} as const;

export const base = {
  body: tagOf("AirSyncBase:Body"),
  bodyPart: tagOf("AirSyncBase:BodyPart"),
  status: tagOf("AirSyncBase:Status"),
  type: tagOf("AirSyncBase:Type"),
  estimatedDataSize: tagOf("AirSyncBase:EstimatedDataSize"),
  truncated: tagOf("AirSyncBase:Truncated"),
  data: tagOf("AirSyncBase:Data"),
  preview: tagOf("AirSyncBase:Preview"),
  nativeBodyType: tagOf("AirSyncBase:NativeBodyType"),
  attachments: tagOf("AirSyncBase:Attachments"),
  attachment: tagOf("AirSyncBase:Attachment"),
  displayName: tagOf("AirSyncBase:DisplayName"),
  fileReference: tagOf("AirSyncBase:FileReference"),
  method: tagOf("AirSyncBase:Method"),
  contentId: tagOf("AirSyncBase:ContentId"),
  contentLocation: tagOf("AirSyncBase:ContentLocation"),
  contentType: tagOf("AirSyncBase:ContentType"),
  isInline: tagOf("AirSyncBase:IsInline"),
  add: tagOf("AirSyncBase:Add"),
  delete: tagOf("AirSyncBase:Delete"),
  clientId: tagOf("AirSyncBase:ClientId"),
  content: tagOf("AirSyncBase:Content"),
} as const;

export const PART = tagOf("ItemOperations:Part");
