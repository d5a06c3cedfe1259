import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  parseDate,
  parseDateHeader,
  parseDateTime,
  printDateHeader,
  printDateTime,
  sentDay,
} from "./date.ts";

const cases: readonly (readonly [string, string | undefined])[] = [
  ["Fri, 21 Nov 1997 09:55:06 -0600", "1997-11-21T15:55:06Z"],
  ["21 Nov 97 09:55:06 GMT", "1997-11-21T09:55:06Z"],
  ["Fri, 21 Nov 97 09(comment):   55  :  06 EST", "1997-11-21T14:55:06Z"],
  ["Thu,\t13 Feb 1969 23:32 -0330", "1969-02-14T03:02:00Z"],
  ["1 Jan 49 00:00:00 Z", "2049-01-01T00:00:00Z"],
  ["1 Jan 103 00:00:00 +0000", "2003-01-01T00:00:00Z"],
  ["Mon, 5 Oct 2020 8:05:07 PM +0200", "2020-10-05T18:05:07Z"],
  ["Wed, 11 Feb 98 11:51 CST", "1998-02-11T17:51:00Z"],
  ["Tue, 1 Jul 2003 10:52:37 GMT+0200", "2003-07-01T08:52:37Z"],
  ["Thu Feb 13 23:32:54 2003", "2003-02-13T23:32:54Z"],
  ["2020-10-05T18:05:07+02:00", "2020-10-05T16:05:07Z"],
  ["Sun, 06 Nov 1994", "1994-11-06T00:00:00Z"],
  ["1 Jan 2020 00:00:00 A", "2020-01-01T00:00:00Z"],
  ["32 Jan 2020 00:00:00 +0000", undefined],
  ["nonsense", undefined],
  ["", undefined],
];

for (const [text, expected] of cases) {
  test(`parseDateHeader: ${JSON.stringify(text)}`, () => {
    assert.equal(parseDateHeader(text), expected === undefined ? undefined : Date.parse(expected));
  });
}

test("parseDateTime: RFC 9051 §9 date-time, nothing else", () => {
  assert.deepEqual(parseDateTime("17-Jul-1996 02:44:25 -0700"), { seconds: 837596665, zoneMinutes: -420 });
  assert.deepEqual(
    parseDateTime(" 7-Jul-1996 02:44:25 +0000")?.seconds,
    Date.UTC(1996, 6, 7, 2, 44, 25) / 1000,
  );
  for (const bad of [
    "7-Jul-1996 02:44:25 +0000",
    "31-Feb-1996 02:44:25 +0000",
    "17-Jul-1996 25:44:25 +0000",
    "17-Jul-1996",
  ]) {
    assert.equal(parseDateTime(bad), undefined, bad);
  }
});

test("parseDateTime: reads what printDateTime prints", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 4_102_444_800 }),
      fc.integer({ min: -720, max: 840 }),
      (seconds, zoneMinutes) => {
        assert.deepEqual(parseDateTime(printDateTime(seconds, zoneMinutes)), { seconds, zoneMinutes });
        assert.equal(parseDateHeader(printDateHeader(seconds * 1000, zoneMinutes)), seconds * 1000);
      },
    ),
  );
});

test("parseDate: SEARCH dates as days", () => {
  assert.equal(parseDate("1-Feb-1994"), Date.UTC(1994, 1, 1) / 86_400_000);
  assert.equal(parseDate("01-feb-1994"), parseDate("1-Feb-1994"));
  for (const bad of ["30-Feb-1994", "1-Foo-1994", "1 Feb 1994", "1-Feb-94"])
    assert.equal(parseDate(bad), undefined, bad);
});

test("sentDay: the day as written, whatever its zone (RFC 9051 §6.4.4 SENTON)", () => {
  const day = parseDate("1-Jan-2020");
  for (const text of [
    "Wed, 1 Jan 2020 23:59:00 -1100",
    "1 Jan 2020 00:01 +1400",
    "1 Jan 2020 12:00 GMT (x)",
    "1 Jan 2020",
  ]) {
    assert.equal(sentDay(text), day, text);
  }
});
