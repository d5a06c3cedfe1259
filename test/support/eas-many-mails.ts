/** Mail that makes the class Email write every element it has; with ROOKERY_CORPUS also the real mail there. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const HEAD = "From: bob@example.net\r\nTo: alice@example.test\r\nSubject: meet\r\n";
const RULES = [
  "FREQ=DAILY;UNTIL=20270101T000000Z",
  "FREQ=WEEKLY;BYDAY=MO,TU;COUNT=3;WKST=MO",
  "FREQ=MONTHLY;BYMONTHDAY=15",
  "FREQ=MONTHLY;BYDAY=2TU",
  "FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=7",
  "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU",
];
const PEOPLE = Array.from({ length: 2000 }, (_, at) => `person${at}@example.org`).join(",\r\n ");

export function manyMails(): Buffer[] {
  return [
    ...RULES.map((rule) => meeting(`RRULE:${rule}\r\n${alarm("-P7D")}`)),
    meeting(`${alarm("-PT15M")}CLASS:PRIVATE\r\nRECURRENCE-ID:20260105T100000Z\r\n`),
    meeting("", "9999"),
    meeting(`LOCATION:${"far ".repeat(10_000)}\r\n`),
    meeting("", "2026", "u".repeat(400)),
    Buffer.from(
      `${HEAD}Cc: ${PEOPLE}\r\nBcc: ${PEOPLE}\r\nReply-To: ${PEOPLE}\r\nSender: carl@example.net\r\n\r\nhi\r\n`,
    ),
    Buffer.from(`From: ${PEOPLE}\r\nTo: ${PEOPLE}\r\nBcc: alice@example.test\r\n\r\nhi\r\n`),
    Buffer.from(
      `${HEAD}Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\nContent-Type: text/html\r\n\r\n` +
        "<p>see <b>this</b></p>\r\n--m\r\nContent-Type: image/png\r\nContent-ID: <pic@x>\r\nContent-Disposition: inline\r\n" +
        "Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--m\r\nContent-Type: message/rfc822\r\n\r\n" +
        "Subject: inner\r\n\r\ninner\r\n--m--\r\n",
    ),
    Buffer.from("no header at all"),
    Buffer.from("\r\n"),
    Buffer.from("Subject: =?utf-8?q?=00=01=ff?= \xe4\r\n\r\n\xff\xfe\x01\x02", "latin1"),
    ...corpus(),
  ];
}

function meeting(lines: string, year = "2026", uid = "u1"): Buffer {
  return Buffer.from(
    `${HEAD}Content-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\n` +
      `UID:${uid}\r\nSUMMARY:meet\r\nLOCATION:Room 1\r\nORGANIZER:mailto:bob@example.net\r\n` +
      `DTSTART:${year}1231T230000Z\r\nDURATION:P2D\r\n${lines}END:VEVENT\r\nEND:VCALENDAR\r\n`,
  );
}

function alarm(trigger: string): string {
  return `BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:${trigger}\r\nEND:VALARM\r\n`;
}

function corpus(): Buffer[] {
  const folder = process.env["ROOKERY_CORPUS"];
  if (folder === undefined) return [];
  const mails = join(folder, "eml");
  return readdirSync(mails).map((name) => readFileSync(join(mails, name)));
}
