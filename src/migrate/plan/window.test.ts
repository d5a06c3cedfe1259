import assert from "node:assert/strict";
import { test } from "node:test";
import { isOpen, parseWindow, printWindow } from "./window.ts";

const BERLIN = "Europe/Berlin";
/** Wednesday. */
const at = (time: string): number => Date.parse(`2026-03-04T${time}:00+01:00`);

test("a window of a day", () => {
  const windows = [parseWindow("20:00-24:00")];
  assert.deepEqual(
    ["19:59", "20:00", "23:59"].map((time) => isOpen(windows, BERLIN, at(time))),
    [false, true, true],
  );
  assert.equal(isOpen(windows, "UTC", at("20:00")), false);
});

test("a window over midnight belongs to the day it begins on", () => {
  const windows = [parseWindow("wed 22:00-06:00")];
  const open = (text: string): boolean => isOpen(windows, BERLIN, Date.parse(text));
  assert.equal(open("2026-03-04T05:00+01:00"), false);
  assert.equal(open("2026-03-04T22:00+01:00"), true);
  assert.equal(open("2026-03-05T05:59+01:00"), true);
  assert.equal(open("2026-03-05T06:00+01:00"), false);
  assert.equal(open("2026-03-05T22:00+01:00"), false);
});

test("days as a range over the week's end", () => {
  assert.deepEqual(parseWindow("fri-mon 00:00-12:00").days, [0, 1, 5, 6]);
});

test("without windows it is always open", () => {
  assert.equal(isOpen([], BERLIN, 0), true);
});

test("what is printed is read again as the same", () => {
  for (const text of ["22:00-06:00", "mon,wed 08:30-24:00"])
    assert.equal(printWindow(parseWindow(text)), text);
});

test("what is no window is refused with an example", () => {
  for (const text of [
    "",
    "22-6",
    "25:00-26:00",
    "10:00-10:00",
    "foo 10:00-11:00",
    "10:70-11:00",
    "24:00-01:00",
  ]) {
    assert.throws(() => parseWindow(text), /mon-fri 20:00-24:00/, text);
  }
});
