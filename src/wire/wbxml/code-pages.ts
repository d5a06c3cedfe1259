/**
 * Code pages of ActiveSync: MS-ASWBXML §2.1.2.1. Tokens count up from 5 in each page; "-" is one that is not used.
 */

const PAGES: readonly (readonly [number, string, string])[] = [
  [
    0,
    "AirSync",
    "Sync Responses Add Change Delete Fetch SyncKey ClientId ServerId Status Collection Class - CollectionId GetChanges MoreAvailable WindowSize Commands Options FilterType Truncation - Conflict Collections ApplicationData DeletesAsMoves - Supported SoftDelete MIMESupport MIMETruncation Wait Limit Partial ConversationMode MaxItems HeartbeatInterval",
  ],
  [
    1,
    "Contacts",
    "Anniversary AssistantName AssistantPhoneNumber Birthday Body BodySize BodyTruncated Business2PhoneNumber BusinessAddressCity BusinessAddressCountry BusinessAddressPostalCode BusinessAddressState BusinessAddressStreet BusinessFaxNumber BusinessPhoneNumber CarPhoneNumber Categories Category Children Child CompanyName Department Email1Address Email2Address Email3Address FileAs FirstName Home2PhoneNumber HomeAddressCity HomeAddressCountry HomeAddressPostalCode HomeAddressState HomeAddressStreet HomeFaxNumber HomePhoneNumber JobTitle LastName MiddleName MobilePhoneNumber OfficeLocation OtherAddressCity OtherAddressCountry OtherAddressPostalCode OtherAddressState OtherAddressStreet PagerNumber RadioPhoneNumber Spouse Suffix Title WebPage YomiCompanyName YomiFirstName YomiLastName - Picture Alias WeightedRank",
  ],
  [
    2,
    "Email",
    "Attachment Attachments AttName AttSize Att0Id AttMethod - Body BodySize BodyTruncated DateReceived DisplayName DisplayTo Importance MessageClass Subject Read To Cc From ReplyTo AllDayEvent Categories Category DtStamp EndTime InstanceType BusyStatus Location MeetingRequest Organizer RecurrenceId Reminder ResponseRequested Recurrences Recurrence Type Until Occurrences Interval DayOfWeek DayOfMonth WeekOfMonth MonthOfYear StartTime Sensitivity TimeZone GlobalObjId ThreadTopic MIMEData MIMETruncated MIMESize InternetCPID Flag Status ContentClass FlagType CompleteTime DisallowNewTimeProposal",
  ],
  [
    4,
    "Calendar",
    "Timezone AllDayEvent Attendees Attendee Email Name Body BodyTruncated BusyStatus Categories Category - DtStamp EndTime Exception Exceptions Deleted ExceptionStartTime Location MeetingStatus OrganizerEmail OrganizerName Recurrence Type Until Occurrences Interval DayOfWeek DayOfMonth WeekOfMonth MonthOfYear Reminder Sensitivity Subject StartTime UID AttendeeStatus AttendeeType - - - - - - - - DisallowNewTimeProposal ResponseRequested AppointmentReplyTime ResponseType CalendarType IsLeapMonth FirstDayOfWeek OnlineMeetingConfLink OnlineMeetingExternalLink ClientUid",
  ],
  [5, "Move", "MoveItems Move SrcMsgId SrcFldId DstFldId Response Status DstMsgId"],
  [
    6,
    "GetItemEstimate",
    "GetItemEstimate Version Collections Collection Class CollectionId DateTime Estimate Response Status",
  ],
  [
    7,
    "FolderHierarchy",
    "Folders Folder DisplayName ServerId ParentId Type - Status - Changes Add Delete Update SyncKey FolderCreate FolderDelete FolderUpdate FolderSync Count",
  ],
  [
    8,
    "MeetingResponse",
    "CalendarId CollectionId MeetingResponse RequestId Request Result Status UserResponse - InstanceId - ProposedStartTime ProposedEndTime SendResponse",
  ],
  [
    9,
    "Tasks",
    "Body BodySize BodyTruncated Categories Category Complete DateCompleted DueDate UtcDueDate Importance Recurrence Type Start Until Occurrences Interval DayOfMonth DayOfWeek WeekOfMonth MonthOfYear Regenerate DeadOccur ReminderSet ReminderTime Sensitivity StartDate UtcStartDate Subject - OrdinalDate SubOrdinalDate CalendarType IsLeapMonth FirstDayOfWeek",
  ],
  [
    10,
    "ResolveRecipients",
    "ResolveRecipients Response Status Type Recipient DisplayName EmailAddress Certificates Certificate MiniCertificate Options To CertificateRetrieval RecipientCount MaxCertificates MaxAmbiguousRecipients CertificateCount Availability StartTime EndTime MergedFreeBusy Picture MaxSize Data MaxPictures",
  ],
  [11, "ValidateCert", "ValidateCert Certificates Certificate CertificateChain CheckCRL Status"],
  [
    12,
    "Contacts2",
    "CustomerId GovernmentId IMAddress IMAddress2 IMAddress3 ManagerName CompanyMainPhone AccountName NickName MMS",
  ],
  [13, "Ping", "Ping AutdState Status HeartbeatInterval Folders Folder Id Class MaxFolders"],
  [
    14,
    "Provision",
    "Provision Policies Policy PolicyType PolicyKey Data Status RemoteWipe EASProvisionDoc DevicePasswordEnabled AlphanumericDevicePasswordRequired RequireStorageCardEncryption PasswordRecoveryEnabled - AttachmentsEnabled MinDevicePasswordLength MaxInactivityTimeDeviceLock MaxDevicePasswordFailedAttempts MaxAttachmentSize AllowSimpleDevicePassword DevicePasswordExpiration DevicePasswordHistory AllowStorageCard AllowCamera RequireDeviceEncryption AllowUnsignedApplications AllowUnsignedInstallationPackages MinDevicePasswordComplexCharacters AllowWiFi AllowTextMessaging AllowPOPIMAPEmail AllowBluetooth AllowIrDA RequireManualSyncWhenRoaming AllowDesktopSync MaxCalendarAgeFilter AllowHTMLEmail MaxEmailAgeFilter MaxEmailBodyTruncationSize MaxEmailHTMLBodyTruncationSize RequireSignedSMIMEMessages RequireEncryptedSMIMEMessages RequireSignedSMIMEAlgorithm RequireEncryptionSMIMEAlgorithm AllowSMIMEEncryptionAlgorithmNegotiation AllowSMIMESoftCerts AllowBrowser AllowConsumerEmail AllowRemoteDesktop AllowInternetSharing UnapprovedInROMApplicationList ApplicationName ApprovedApplicationList Hash AccountOnlyRemoteWipe",
  ],
  [
    15,
    "Search",
    "Search - Store Name Query Options Range Status Response Result Properties Total EqualTo Value And Or FreeText - DeepTraversal LongId RebuildResults LessThan GreaterThan - - UserName Password ConversationId Picture MaxSize MaxPictures",
  ],
  [
    16,
    "GAL",
    "DisplayName Phone Office Title Company Alias FirstName LastName HomePhone MobilePhone EmailAddress Picture Status Data",
  ],
  [
    17,
    "AirSyncBase",
    "BodyPreference Type TruncationSize AllOrNone - Body Data EstimatedDataSize Truncated Attachments Attachment DisplayName FileReference Method ContentId ContentLocation IsInline NativeBodyType ContentType Preview BodyPartPreference BodyPart Status Add Delete ClientId Content Location Annotation Street City State Country PostalCode Latitude Longitude Accuracy Altitude AltitudeAccuracy LocationUri InstanceId",
  ],
  [
    18,
    "Settings",
    "Settings Status Get Set Oof OofState StartTime EndTime OofMessage AppliesToInternal AppliesToExternalKnown AppliesToExternalUnknown Enabled ReplyMessage BodyType DevicePassword Password DeviceInformation Model IMEI FriendlyName OS OSLanguage PhoneNumber UserInformation EmailAddresses SmtpAddress UserAgent EnableOutboundSMS MobileOperator PrimarySmtpAddress Accounts Account AccountId AccountName UserDisplayName SendDisabled - RightsManagementInformation",
  ],
  [
    19,
    "DocumentLibrary",
    "LinkId DisplayName IsFolder CreationDate LastModifiedDate IsHidden ContentLength ContentType",
  ],
  [
    20,
    "ItemOperations",
    "ItemOperations Fetch Store Options Range Total Properties Data Status Response Version Schema Part EmptyFolderContents DeleteSubFolders UserName Password Move DstFldId ConversationId MoveAlways",
  ],
  [
    21,
    "ComposeMail",
    "SendMail SmartForward SmartReply SaveInSentItems ReplaceMime - Source FolderId ItemId LongId InstanceId Mime ClientId Status AccountId - Forwardees Forwardee Name Email",
  ],
  [
    22,
    "Email2",
    "UmCallerID UmUserNotes UmAttDuration UmAttOrder ConversationId ConversationIndex LastVerbExecuted LastVerbExecutionTime ReceivedAsBcc Sender CalendarType IsLeapMonth AccountId FirstDayOfWeek MeetingMessageType - IsDraft Bcc Send",
  ],
  [23, "Notes", "Subject MessageClass LastModifiedDate Categories Category"],
  [
    24,
    "RightsManagement",
    "RightsManagementSupport RightsManagementTemplates RightsManagementTemplate RightsManagementLicense EditAllowed ReplyAllowed ReplyAllAllowed ForwardAllowed ModifyRecipientsAllowed ExtractAllowed PrintAllowed ExportAllowed ProgrammaticAccessAllowed Owner ContentExpiryDate TemplateID TemplateName TemplateDescription ContentOwner RemoveRightsManagementProtection",
  ],
  [
    25,
    "Find",
    "Find SearchId ExecuteSearch MailBoxSearchCriterion Query Status FreeText Options Range DeepTraversal - - Response Result Properties Preview HasAttachments Total DisplayCc DisplayBcc GalSearchCriterion MaxPictures MaxSize Picture",
  ],
];

const FIRST_TOKEN = 5;

/** An element: page in the high byte, token in the low one. */
export type Tag = number;

const tagsByName = new Map<string, Tag>();
const namesByTag: string[] = [];
for (const [page, namespace, words] of PAGES) {
  for (const [index, name] of words.split(" ").entries()) {
    if (name === "-") continue;
    const tag = (page << 8) | (FIRST_TOKEN + index);
    tagsByName.set(`${namespace}:${name}`, tag);
    namesByTag[tag] = `${namespace}:${name}`;
  }
}

/** `tagOf("AirSync:Sync")`; throws for a name that is in no page. */
export function tagOf(name: string): Tag {
  const tag = tagsByName.get(name);
  if (tag === undefined) throw new Error(`no WBXML tag is named "${name}"`);
  return tag;
}

/** "AirSync:Sync", or undefined for a token that is not used. */
export function nameOf(tag: Tag): string | undefined {
  return namesByTag[tag];
}

/** Namespace of each page by its number. */
export const namespaces: ReadonlyMap<number, string> = new Map(
  PAGES.map(([page, namespace]) => [page, namespace]),
);
