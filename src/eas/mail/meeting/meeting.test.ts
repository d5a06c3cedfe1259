import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { applicationData } from "../../../../test/support/eas-mail.ts";
import { tagOf } from "../../../wire/wbxml/code-pages.ts";
import type { Element } from "../../element.ts";
import type { ProtocolVersion } from "../../version.ts";
import { readMailHeader } from "../mail-header.ts";
import { globalObjectId } from "./global-object-id.ts";
import { parseMeeting } from "./read-meeting.ts";
import { toRecurrence } from "./recurrence.ts";
import { writeMeeting } from "./write-meeting.ts";

const HEADER = readMailHeader(Buffer.from("From: Bob <bob@example.net>\r\n\r\n"));
const BERLIN = [
  "BEGIN:VTIMEZONE",
  "TZID:Berlin",
  "BEGIN:STANDARD",
  "DTSTART:16011028T030000",
  "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10",
  "TZOFFSETFROM:+0200",
  "TZOFFSETTO:+0100",
  "TZNAME:CET",
  "END:STANDARD",
  "BEGIN:DAYLIGHT",
  "DTSTART:16010325T020000",
  "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3",
  "TZOFFSETFROM:+0100",
  "TZOFFSETTO:+0200",
  "TZNAME:CEST",
  "END:DAYLIGHT",
  "END:VTIMEZONE",
];

function calendar(...event: string[]): string {
  const lines = ["BEGIN:VCALENDAR", "METHOD:REQUEST", ...BERLIN, "BEGIN:VEVENT", "UID:u1", ...event];
  return [...lines, "END:VEVENT", "END:VCALENDAR", ""].join("\r\n");
}

function shown(text: string, version: ProtocolVersion = 141): Element {
  const meeting = parseMeeting(text, HEADER);
  assert.ok(meeting);
  return applicationData((writer) => writeMeeting(writer, meeting, version)).child(
    tagOf("Email:MeetingRequest"),
  )!;
}

const text = (element: Element | undefined, name: string): string | undefined => element?.textOf(tagOf(name));

test("parseMeeting: local times of a zone with rules, summer and winter", () => {
  const at = (start: string): string | undefined =>
    text(shown(calendar(`DTSTART;TZID=Berlin:${start}`, "DURATION:PT1H30M")), "Email:StartTime");
  assert.equal(at("20260105T100000"), "2026-01-05T09:00:00.000Z");
  assert.equal(at("20260705T100000"), "2026-07-05T08:00:00.000Z");
  assert.equal(at("20260329T015959"), "2026-03-29T00:59:59.000Z");
  assert.equal(at("20260329T030000"), "2026-03-29T01:00:00.000Z");
  const zone = Buffer.from(
    text(shown(calendar("DTSTART;TZID=Berlin:20260105T100000")), "Email:TimeZone") ?? "",
    "base64",
  );
  assert.equal(zone.length, 172);
  assert.deepEqual(
    [
      zone.readInt32LE(0),
      zone.readUInt16LE(70),
      zone.readUInt16LE(74),
      zone.readUInt16LE(154),
      zone.readInt32LE(168),
    ],
    [-60, 10, 5, 3, -60],
  );
});

test("parseMeeting: zones by IANA's name, whole days, reminders, who asks for an answer", () => {
  const iana = calendar(
    "DTSTART;TZID=Europe/Paris:20260705T100000",
    "DTEND;TZID=Europe/Paris:20260705T110000",
  );
  assert.equal(text(shown(iana), "Email:EndTime"), "2026-07-05T09:00:00.000Z");
  const day = shown(
    calendar(
      "DTSTART;VALUE=DATE:20260705",
      "SUMMARY:a\\, b",
      "LOCATION:Room\\; 1",
      'ORGANIZER;CN="Bob; B.":mailto:bob@example.net',
      "ATTENDEE;RSVP=TRUE:mailto:alice@example.org",
      "CLASS:PRIVATE",
      "BEGIN:VALARM",
      "TRIGGER:-PT15M",
      "END:VALARM",
    ),
  );
  assert.deepEqual(
    [
      "AllDayEvent",
      "Location",
      "Organizer",
      "Reminder",
      "ResponseRequested",
      "Sensitivity",
      "InstanceType",
    ].map((name) => text(day, `Email:${name}`)),
    ["1", "Room; 1", '"Bob; B." <bob@example.net>', "900", "1", "2", "0"],
  );
  assert.equal(text(day, "Email:EndTime"), "2026-07-06T00:00:00.000Z");
});

test("writeMeeting: 16.0 has other elements", () => {
  const invitation = calendar(
    "DTSTART:20260105T100000Z",
    "LOCATION:here",
    "RRULE:FREQ=WEEKLY;BYDAY=MO,WE;COUNT=5",
  );
  const old = shown(invitation);
  assert.ok(text(old, "Email:GlobalObjId"));
  const recurrence = old.child(tagOf("Email:Recurrences"))?.child(tagOf("Email:Recurrence"));
  assert.deepEqual(
    ["Type", "Interval", "Occurrences", "DayOfWeek"].map((name) => text(recurrence, `Email:${name}`)),
    ["1", "1", "5", "10"],
  );
  const new16 = shown(invitation, 161);
  assert.equal(text(new16, "Email:GlobalObjId"), undefined);
  assert.equal(text(new16, "Calendar:UID"), "u1");
  assert.equal(text(new16.child(tagOf("AirSyncBase:Location")), "AirSyncBase:DisplayName"), "here");
});

test("toRecurrence: rules by date and by weekday", () => {
  const start = { month: 3, day: 17, weekday: 2 };
  const kinds = [
    ["FREQ=DAILY;INTERVAL=2", 0, 2],
    ["FREQ=WEEKLY", 1, 1],
    ["FREQ=MONTHLY;BYMONTHDAY=17", 2, 1],
    ["FREQ=MONTHLY;BYDAY=-1FR", 3, 1],
    ["FREQ=YEARLY", 5, 1],
    ["FREQ=YEARLY;BYMONTH=3;BYDAY=3TU", 6, 1],
  ] as const;
  for (const [rule, type, interval] of kinds) {
    const found = toRecurrence(rule, start);
    assert.deepEqual([found?.type, found?.interval], [type, interval], rule);
  }
  assert.equal(toRecurrence("FREQ=MONTHLY;BYDAY=-1FR", start)?.weekOfMonth, 5);
  assert.equal(toRecurrence("FREQ=WEEKLY", start)?.daysOfWeek, 4);
  // OP-240, OP-243: what is missing or unknown does not fail.
  assert.equal(toRecurrence("FREQ=SECONDLY", start), undefined);
  assert.equal(toRecurrence("", start), undefined);
});

test("globalObjectId: Outlook's own ids stay, others are wrapped", () => {
  const own = `040000008200E00074C5B7101A82E008${"00".repeat(24)}`;
  assert.equal(globalObjectId(own, undefined), Buffer.from(own, "hex").toString("base64"));
  const wrapped = Buffer.from(globalObjectId("abc@x", { year: 2026, month: 7, day: 5 }), "base64");
  assert.equal(wrapped.toString("latin1", 40, 48), "vCal-Uid");
  assert.deepEqual([...wrapped.subarray(16, 20)], [0x07, 0xea, 7, 5]);
  assert.equal(wrapped.readUInt32LE(36), wrapped.length - 40);
});

test("parseMeeting: illegal iCalendar never throws (OP-223)", () => {
  for (const bad of [
    "",
    "BEGIN:VCALENDAR",
    calendar("DTSTART:nonsense"),
    calendar(),
    "BEGIN:VEVENT\r\nEND:VCALENDAR",
  ]) {
    assert.equal(parseMeeting(bad, HEADER), undefined);
  }
  const words = fc.constantFrom(
    "BEGIN:",
    "END:",
    "VEVENT",
    "VCALENDAR",
    "DTSTART",
    ";TZID=",
    ":",
    "20260105",
    "T10",
    "\r\n",
    " ",
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(words, fc.string())), (pieces) => {
      parseMeeting(`BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:${pieces.join("")}`, HEADER);
    }),
    { numRuns: 200, seed: 1 },
  );
});
