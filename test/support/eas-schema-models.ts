/**
 * What answers of ActiveSync may hold, read from MS-ASCMD §6, MS-ASAIRS §6, MS-ASEMAIL §6, MS-ASPROV §6 and the tables of
 * supported versions. `parent/name` goes before `name`. The schemas are those of 14.1 and later; what only the text has:
 *
 * - Class of Collection in 12.x (MS-ASCMD §2.2.3.27.1, §2.2.3.27.5);
 * - ApplicationData in the response to a Change (§2.2.3.24, 16.0) and BodyPart in that to a Fetch (MS-ASAIRS §2.2.2.10).
 *
 * Where the schemas leave order and number open (Collection, ApplicationData), each element stands once.
 */
const EMAIL =
  "Email:To? Email:Cc? Email:From? Email:Subject? Email:ReplyTo? Email:DateReceived? Email:DisplayTo? " +
  "Email:ThreadTopic? Email:Importance? Email:Read? Email:MessageClass? Email:MeetingRequest? Email:InternetCPID? " +
  "Email:Flag? Email:ContentClass? Email:Categories@140..? AirSyncBase:Attachments? AirSyncBase:Body? " +
  "AirSyncBase:NativeBodyType? AirSyncBase:BodyPart@141..? Email2:ConversationId@140..? " +
  "Email2:ConversationIndex@140..? Email2:LastVerbExecuted@140..? Email2:LastVerbExecutionTime@140..? " +
  "Email2:ReceivedAsBcc@140..? Email2:Sender@140..? Email2:Bcc@160..? Email2:IsDraft@160..?";
const PERSON =
  "GAL:DisplayName? GAL:Phone? GAL:Office? GAL:Title? GAL:Company? GAL:Alias? GAL:FirstName? GAL:LastName? " +
  "GAL:HomePhone? GAL:MobilePhone? GAL:EmailAddress? GAL:Picture@141..?";
/** Elements of a policy that came with 12.1, in their order. */
const POLICY =
  "DevicePasswordEnabled? AlphanumericDevicePasswordRequired? PasswordRecoveryEnabled? RequireStorageCardEncryption? " +
  "AttachmentsEnabled? MinDevicePasswordLength? MaxInactivityTimeDeviceLock? MaxDevicePasswordFailedAttempts? " +
  "MaxAttachmentSize? AllowSimpleDevicePassword? DevicePasswordExpiration? DevicePasswordHistory? " +
  [
    "AllowStorageCard AllowCamera RequireDeviceEncryption AllowUnsignedApplications",
    "AllowUnsignedInstallationPackages MinDevicePasswordComplexCharacters AllowWiFi AllowTextMessaging",
    "AllowPOPIMAPEmail AllowBluetooth AllowIrDA RequireManualSyncWhenRoaming AllowDesktopSync MaxCalendarAgeFilter",
    "AllowHTMLEmail MaxEmailAgeFilter MaxEmailBodyTruncationSize MaxEmailHTMLBodyTruncationSize",
    "RequireSignedSMIMEMessages RequireEncryptedSMIMEMessages RequireSignedSMIMEAlgorithm",
    "RequireEncryptionSMIMEAlgorithm AllowSMIMEEncryptionAlgorithmNegotiation AllowSMIMESoftCerts AllowBrowser",
    "AllowConsumerEmail AllowRemoteDesktop AllowInternetSharing",
  ]
    .join(" ")
    .replaceAll(/\w+/g, "$&@121..?");

/** One type for many elements of a page. */
function each(page: string, type: string, names: string): Record<string, string> {
  return Object.fromEntries(names.split(" ").map((name) => [`${page}:${name}`, type]));
}

const sync: Readonly<Record<string, string>> = {
  "AirSync:Sync": "seq Status? Limit? Collections?",
  "AirSync:Collections": "seq Collection*",
  "AirSync:Collection": "all Class@..121? SyncKey CollectionId Status Responses? MoreAvailable? Commands?",
  "AirSync:Commands": "all Delete* SoftDelete* Change* Add*",
  "AirSync:Commands/AirSync:Delete": "seq ServerId",
  "AirSync:SoftDelete": "seq ServerId",
  "AirSync:Commands/AirSync:Change": "seq ServerId ApplicationData",
  "AirSync:Commands/AirSync:Add": "seq ServerId ApplicationData",
  "AirSync:Responses": "all Change* Add* Delete* Fetch*",
  "AirSync:Responses/AirSync:Change": "seq ServerId Status ApplicationData@160..?",
  "AirSync:Responses/AirSync:Add": "seq ClientId ServerId? Status ApplicationData@160..?",
  "AirSync:Responses/AirSync:Delete": "seq ServerId Status",
  "AirSync:Fetch": "seq ServerId? Status ApplicationData?",
  "AirSync:ApplicationData": `all ${EMAIL}`,
  ...each("AirSync", "id", "SyncKey ClientId ServerId CollectionId"),
  ...each("AirSync", "int", "Status Limit"),
  "AirSync:Class": "text1",
  "AirSync:MoreAvailable": "empty",
};

const folders: Readonly<Record<string, string>> = {
  "FolderHierarchy:FolderSync": "seq Status SyncKey? Changes?",
  "FolderHierarchy:Changes": "seq Count? Update* Delete* Add*",
  "FolderHierarchy:Update": "seq ServerId ParentId DisplayName Type",
  "FolderHierarchy:Add": "seq ServerId ParentId DisplayName Type",
  "FolderHierarchy:Delete": "seq ServerId",
  "FolderHierarchy:FolderCreate": "seq Status SyncKey? ServerId?",
  "FolderHierarchy:FolderUpdate": "seq Status SyncKey?",
  "FolderHierarchy:FolderDelete": "seq Status SyncKey?",
  ...each("FolderHierarchy", "id1", "SyncKey ServerId ParentId"),
  ...each("FolderHierarchy", "int", "Status Type"),
  "FolderHierarchy:Count": "uint",
  "FolderHierarchy:DisplayName": "text",
  "GetItemEstimate:GetItemEstimate": "seq Status? Response*",
  "GetItemEstimate:Response": "seq Status Collection?",
  "GetItemEstimate:Collection": "seq Class@..121? CollectionId Estimate?",
  ...each("GetItemEstimate", "int", "Status Estimate"),
  "GetItemEstimate:Class": "text1",
  "GetItemEstimate:CollectionId": "id",
  "Move:MoveItems": "seq Status? Response*",
  "Move:Response": "seq SrcMsgId Status DstMsgId?",
  ...each("Move", "id1", "SrcMsgId DstMsgId"),
  "Move:Status": "int",
  "Ping:Ping": "seq Status Folders? MaxFolders? HeartbeatInterval?",
  "Ping:Folders": "seq Folder+",
  "Ping:Folder": "text1",
  ...each("Ping", "int", "Status MaxFolders HeartbeatInterval"),
};

const email: Readonly<Record<string, string>> = {
  ...each("Email", "text32768", "To From"),
  ...each("Email", "text", "Cc Subject ReplyTo DisplayTo ThreadTopic MessageClass InternetCPID ContentClass"),
  ...each("Email", "date", "DateReceived CompleteTime StartTime EndTime DtStamp RecurrenceId"),
  ...each("Email", "byte", "Importance AllDayEvent InstanceType ResponseRequested DisallowNewTimeProposal"),
  "Email:Read": "bool",
  "Email:Flag":
    "all Status? FlagType? CompleteTime? Tasks:Subject? Tasks:DateCompleted? Tasks:StartDate? Tasks:DueDate? " +
    "Tasks:UtcStartDate? Tasks:UtcDueDate? Tasks:ReminderSet? Tasks:ReminderTime? Tasks:OrdinalDate? " +
    "Tasks:SubOrdinalDate?",
  ...each(
    "Tasks",
    "date",
    "DateCompleted StartDate DueDate UtcStartDate UtcDueDate ReminderTime OrdinalDate",
  ),
  "Tasks:ReminderSet": "bool",
  ...each("Tasks", "text", "Subject SubOrdinalDate"),
  ...each("Email", "int", "Status Sensitivity BusyStatus"),
  "Email:FlagType": "text",
  "Email:Categories": "seq Category*",
  "Email:Category": "text",
  "Email:MeetingRequest":
    "seq AllDayEvent? StartTime? DtStamp EndTime? InstanceType? Location@..141? AirSyncBase:Location@160..? Organizer? " +
    "RecurrenceId? Reminder? ResponseRequested? Recurrences? Sensitivity? BusyStatus? TimeZone GlobalObjId@..141 " +
    "DisallowNewTimeProposal@140..? Email2:MeetingMessageType@141..? Calendar:UID@160..",
  "Email:Location": "text32768",
  "Email:Reminder": "short",
  ...each("Email", "text1", "Organizer TimeZone GlobalObjId"),
  "Calendar:UID": "text300",
  "Email:Recurrences": "seq Recurrence",
  "Email:Recurrence":
    "seq Type Interval Until? Occurrences? WeekOfMonth? DayOfMonth? DayOfWeek? MonthOfYear? " +
    "Email2:CalendarType@140..? Email2:IsLeapMonth@140..? Email2:FirstDayOfWeek@141..?",
  "Email:Type": "byte",
  "Email:Until": "compact",
  ...each("Email", "int", "Interval Occurrences WeekOfMonth DayOfMonth DayOfWeek MonthOfYear"),
  ...each("Email2", "byte", "IsLeapMonth FirstDayOfWeek MeetingMessageType"),
  ...each("Email2", "int", "CalendarType LastVerbExecuted"),
  ...each("Email2", "opaque", "ConversationId ConversationIndex"),
  ...each("Email2", "bool", "ReceivedAsBcc IsDraft"),
  "Email2:LastVerbExecutionTime": "date",
  "Email2:Sender": "text",
  "Email2:Bcc": "text1024",
};

const base: Readonly<Record<string, string>> = {
  "AirSyncBase:Body": "seq Type EstimatedDataSize? Truncated? Data? Preview@140..? ItemOperations:Part?",
  "AirSyncBase:BodyPart": "seq Status Type EstimatedDataSize Truncated? Data? Preview?",
  ...each("AirSyncBase", "byte", "Type Status Method NativeBodyType"),
  "AirSyncBase:EstimatedDataSize": "uint",
  ...each("AirSyncBase", "bool", "Truncated IsInline"),
  ...each("AirSyncBase", "text", "Data Preview DisplayName ContentId ContentLocation"),
  "AirSyncBase:Attachments": "seq Attachment+",
  "AirSyncBase:Attachment":
    "all DisplayName? FileReference ClientId@160..? Method? EstimatedDataSize? ContentId? ContentLocation? IsInline?",
  ...each("AirSyncBase", "text1", "FileReference ClientId ContentType"),
  "AirSyncBase:Location": "all DisplayName?",
};

const lookups: Readonly<Record<string, string>> = {
  "ItemOperations:ItemOperations": "seq Status Response?",
  "ItemOperations:Response": "seq Move@140..* EmptyFolderContents* Fetch*",
  "ItemOperations:Move": "all Status ConversationId",
  "ItemOperations:EmptyFolderContents": "seq Status AirSync:CollectionId",
  "ItemOperations:Fetch":
    "seq Status AirSync:CollectionId? AirSync:ServerId? Search:LongId? AirSync:Class? AirSyncBase:FileReference? Properties?",
  "ItemOperations:Properties": `all Range? Total? Data? Part? AirSyncBase:ContentType? ${EMAIL}`,
  ...each("ItemOperations", "int", "Status Total Part"),
  "ItemOperations:ConversationId": "opaque",
  "ItemOperations:Range": "range9",
  "ItemOperations:Data": "text",
  "ItemOperations:Store": "text256",
  "Search:Search": "seq Status? Response?",
  "Search:Response": "seq Store",
  "Search:Store": "seq Status Result* Range? Total?",
  "Search:Result": "seq AirSync:Class? LongId? AirSync:CollectionId? Properties?",
  "Search:Properties": `all ${EMAIL} ${PERSON}`,
  ...each("Search", "int", "Status Total"),
  "Search:LongId": "text256",
  "Search:Range": "range3",
  "Find:Find": "seq Status Response?",
  "Find:Response": "seq ItemOperations:Store? Status Result* Range? Total?",
  "Find:Result": "seq AirSync:Class? AirSync:ServerId? AirSync:CollectionId? Properties",
  "Find:Properties":
    "all Email:Subject? Email:DateReceived? Email:DisplayTo? DisplayCc? DisplayBcc? Email:Importance? Email:Read? " +
    `Email2:IsDraft? Preview? HasAttachments? Email:From? ${PERSON}`,
  ...each("Find", "int", "Status Total"),
  ...each("Find", "text", "DisplayCc DisplayBcc Preview"),
  "Find:HasAttachments": "bool",
  "Find:Range": "range3",
  ...each(
    "GAL",
    "text",
    "DisplayName Phone Office Title Company Alias FirstName LastName HomePhone MobilePhone EmailAddress Data",
  ),
  "GAL:Picture": "seq Status Data?",
  "GAL:Status": "int",
  "ResolveRecipients:ResolveRecipients": "seq Status Response*",
  "ResolveRecipients:Response": "seq To Status RecipientCount? Recipient*",
  "ResolveRecipients:Recipient":
    "seq Type DisplayName EmailAddress Availability@140..? Certificates? Picture@141..*",
  "ResolveRecipients:Availability": "seq Status MergedFreeBusy?",
  "ResolveRecipients:Certificates":
    "seq Status CertificateCount? RecipientCount? Certificate* MiniCertificate?",
  "ResolveRecipients:Picture": "all Status Data?",
  ...each("ResolveRecipients", "int", "Status RecipientCount CertificateCount"),
  ...each(
    "ResolveRecipients",
    "text",
    "DisplayName EmailAddress MergedFreeBusy Certificate MiniCertificate Data",
  ),
  "ResolveRecipients:To": "text256",
  "ResolveRecipients:Type": "byte",
  "ValidateCert:ValidateCert": "seq Status Certificate*",
  "ValidateCert:Certificate": "seq Status*",
  "ValidateCert:Status": "int",
};

const others: Readonly<Record<string, string>> = {
  ...each("ComposeMail", "seq Status?", "SendMail SmartReply SmartForward"),
  "ComposeMail:Status": "int",
  "MeetingResponse:MeetingResponse": "seq Result+",
  "MeetingResponse:Result": "seq RequestId? Status CalendarId? InstanceId?",
  ...each("MeetingResponse", "id", "RequestId CalendarId"),
  "MeetingResponse:Status": "int",
  "Provision:Provision":
    "seq Settings:DeviceInformation? Status Policies? RemoteWipe? AccountOnlyRemoteWipe@161..?",
  "Provision:Policies": "seq Policy",
  "Provision:Policy": "seq PolicyType Status PolicyKey? Data?",
  "Provision:Data": "seq EASProvisionDoc",
  "Provision:EASProvisionDoc": `seq ${POLICY}`,
  ...Object.fromEntries(Array.from(POLICY.matchAll(/\b[A-Z]\w+/g), ([name]) => [`Provision:${name}`, "int"])),
  ...each("Provision", "text", "PolicyType PolicyKey"),
  "Provision:Status": "byte",
  ...each("Provision", "empty", "RemoteWipe AccountOnlyRemoteWipe"),
  "Settings:Settings":
    "all Status? Oof? DeviceInformation? DevicePassword? UserInformation? RightsManagementInformation@141..?",
  "Settings:Oof": "all Status? Get?",
  "Settings:Oof/Settings:Get": "seq OofState? StartTime? EndTime? OofMessage*",
  "Settings:OofState": "byte",
  ...each("Settings", "date", "StartTime EndTime"),
  "Settings:OofMessage":
    "all AppliesToInternal? AppliesToExternalKnown? AppliesToExternalUnknown? Enabled? ReplyMessage? BodyType?",
  ...each("Settings", "empty", "AppliesToInternal AppliesToExternalKnown AppliesToExternalUnknown"),
  ...each("Settings", "text1", "Enabled BodyType"),
  "Settings:DeviceInformation": "all Status?",
  "Settings:DevicePassword": "all Status?",
  "Settings:UserInformation": "all Status? Get?",
  "Settings:UserInformation/Settings:Get": "all EmailAddresses@..140? Accounts@141..?",
  "Settings:Accounts": "seq Account+",
  "Settings:Account": "all AccountId? AccountName? UserDisplayName? SendDisabled? EmailAddresses?",
  "Settings:EmailAddresses": "seq SmtpAddress* PrimarySmtpAddress@141..?",
  ...each(
    "Settings",
    "text",
    "ReplyMessage AccountId AccountName UserDisplayName SmtpAddress PrimarySmtpAddress",
  ),
  "Settings:SendDisabled": "bool",
  "Settings:RightsManagementInformation": "all Status? Get",
  "Settings:RightsManagementInformation/Settings:Get": "all RightsManagement:RightsManagementTemplates",
  "RightsManagement:RightsManagementTemplates": "empty",
  "Settings:Status": "int",
};

export const MODELS: Readonly<Record<string, string>> = {
  ...sync,
  ...folders,
  ...email,
  ...base,
  ...lookups,
  ...others,
};
