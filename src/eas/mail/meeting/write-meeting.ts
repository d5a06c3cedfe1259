/** MeetingRequest of a mail: MS-ASEMAIL §2.2.2.48. */
import { createHash } from "node:crypto";
import { tagOf } from "../../../wire/wbxml/code-pages.ts";
import type { WbxmlWriter } from "../../../wire/wbxml/writer.ts";
import type { ProtocolVersion } from "../../version.ts";
import { printDate } from "../print-date.ts";
import { globalObjectId } from "./global-object-id.ts";
import type { Meeting } from "./read-meeting.ts";
import type { Recurrence } from "./recurrence.ts";
import { printZone } from "./time-zone.ts";

const MEETING_REQUEST = tagOf("Email:MeetingRequest");
const ALL_DAY_EVENT = tagOf("Email:AllDayEvent");
const START_TIME = tagOf("Email:StartTime");
const DT_STAMP = tagOf("Email:DtStamp");
const END_TIME = tagOf("Email:EndTime");
const INSTANCE_TYPE = tagOf("Email:InstanceType");
const LOCATION = tagOf("Email:Location");
const BASE_LOCATION = tagOf("AirSyncBase:Location");
const BASE_DISPLAY_NAME = tagOf("AirSyncBase:DisplayName");
const ORGANIZER = tagOf("Email:Organizer");
const RECURRENCE_ID = tagOf("Email:RecurrenceId");
const REMINDER = tagOf("Email:Reminder");
const RESPONSE_REQUESTED = tagOf("Email:ResponseRequested");
const RECURRENCES = tagOf("Email:Recurrences");
const RECURRENCE = tagOf("Email:Recurrence");
const TYPE = tagOf("Email:Type");
const UNTIL = tagOf("Email:Until");
const OCCURRENCES = tagOf("Email:Occurrences");
const INTERVAL = tagOf("Email:Interval");
const DAY_OF_WEEK = tagOf("Email:DayOfWeek");
const DAY_OF_MONTH = tagOf("Email:DayOfMonth");
const WEEK_OF_MONTH = tagOf("Email:WeekOfMonth");
const MONTH_OF_YEAR = tagOf("Email:MonthOfYear");
const CALENDAR_TYPE = tagOf("Email2:CalendarType");
const FIRST_DAY_OF_WEEK = tagOf("Email2:FirstDayOfWeek");
const SENSITIVITY = tagOf("Email:Sensitivity");
const BUSY_STATUS = tagOf("Email:BusyStatus");
const TIME_ZONE = tagOf("Email:TimeZone");
const GLOBAL_OBJ_ID = tagOf("Email:GlobalObjId");
const CALENDAR_UID = tagOf("Calendar:UID");
const DISALLOW = tagOf("Email:DisallowNewTimeProposal");
const MEETING_MESSAGE_TYPE = tagOf("Email2:MeetingMessageType");

/** MS-ASEMAIL §2.2.2.63 and §6.1: what 16 bits hold, 18 hours. A reminder that comes late is better than none. */
const MAX_REMINDER_SECONDS = 0xffff;
/** MS-ASEMAIL §2.2.2.46. */
const MAX_LOCATION_CHARACTERS = 32_768;
/** MS-ASCAL §6. */
const MAX_UID_CHARACTERS = 300;

/** The elements in the order of the schema: MS-ASEMAIL §6.1. */
export function writeMeeting(writer: WbxmlWriter, meeting: Meeting, version: ProtocolVersion): void {
  const { recurrence, instance } = meeting;
  writer
    .start(MEETING_REQUEST)
    .text(ALL_DAY_EVENT, meeting.allDay ? 1 : 0)
    .text(START_TIME, printDate(meeting.startMs))
    .text(DT_STAMP, printDate(meeting.stampMs))
    .text(END_TIME, printDate(meeting.endMs))
    .text(INSTANCE_TYPE, instance !== undefined ? 2 : recurrence !== undefined ? 1 : 0);
  if (meeting.location !== "") {
    const location = meeting.location.slice(0, MAX_LOCATION_CHARACTERS);
    if (version < 160) writer.text(LOCATION, location);
    else writer.start(BASE_LOCATION).text(BASE_DISPLAY_NAME, location).end();
  }
  if (meeting.organizer !== "") writer.text(ORGANIZER, meeting.organizer);
  if (instance !== undefined) writer.text(RECURRENCE_ID, printDate(instance.atMs));
  if (meeting.reminderSeconds !== undefined) {
    writer.text(REMINDER, Math.min(meeting.reminderSeconds, MAX_REMINDER_SECONDS));
  }
  writer.text(RESPONSE_REQUESTED, meeting.responseRequested ? 1 : 0);
  if (recurrence !== undefined && instance === undefined) {
    writer.start(RECURRENCES);
    writeRecurrence(writer, recurrence, version);
    writer.end();
  }
  writer
    .text(SENSITIVITY, Math.max(0, meeting.sensitivity))
    .text(BUSY_STATUS, meeting.busyStatus)
    .text(TIME_ZONE, printZone(meeting.zone));
  if (version < 160) writer.text(GLOBAL_OBJ_ID, globalObjectId(meeting.uid, instance?.day));
  if (version >= 140) writer.text(DISALLOW, meeting.disallowCounter ? 1 : 0);
  if (version >= 141) writer.text(MEETING_MESSAGE_TYPE, messageType(meeting));
  if (version >= 160) writer.text(CALENDAR_UID, shortUid(meeting.uid));
  writer.end();
}

function writeRecurrence(writer: WbxmlWriter, recurrence: Recurrence, version: ProtocolVersion): void {
  const { until, occurrences, daysOfWeek, dayOfMonth, weekOfMonth, monthOfYear } = recurrence;
  writer.start(RECURRENCE).text(TYPE, recurrence.type).text(INTERVAL, recurrence.interval);
  // Compact in this place: MS-ASDTYPE §2.7.2.
  if (until !== undefined) writer.text(UNTIL, until.length === 8 ? `${until}T000000Z` : until);
  else if (occurrences !== undefined) writer.text(OCCURRENCES, occurrences);
  if (weekOfMonth !== undefined) writer.text(WEEK_OF_MONTH, weekOfMonth);
  if (dayOfMonth !== undefined) writer.text(DAY_OF_MONTH, dayOfMonth);
  if (daysOfWeek !== undefined) writer.text(DAY_OF_WEEK, daysOfWeek);
  if (monthOfYear !== undefined) writer.text(MONTH_OF_YEAR, monthOfYear);
  if (version >= 140) writer.text(CALENDAR_TYPE, 0);
  if (version >= 141) writer.text(FIRST_DAY_OF_WEEK, recurrence.firstDayOfWeek);
  writer.end();
}

/** 1 = first request, 2 = full update, 0 = something else: MS-ASEMAIL §2.2.2.47. */
function messageType({ method, sequence }: Meeting): number {
  if (method !== "REQUEST") return 0;
  return sequence === 0 ? 1 : 2;
}

/** One that is too long stands for itself by its digest: the element only tells meetings apart. */
function shortUid(uid: string): string {
  return uid.length <= MAX_UID_CHARACTERS ? uid : createHash("sha1").update(uid).digest("hex");
}
