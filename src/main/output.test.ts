import assert from "node:assert/strict";
import { test } from "node:test";
import { formatBytes, formatTable } from "./output.ts";

test("formatTable: columns as wide as their widest cell, numbers to the right, no blanks at the end", () => {
  assert.equal(
    formatTable(
      ["NAME", "COUNT", "NOTE"],
      [
        ["user.alice", 5, ""],
        ["x", 1200, "long"],
      ],
    ),
    "NAME        COUNT  NOTE\nuser.alice      5\nx            1200  long\n",
  );
});

test("formatBytes: binary units, one digit below a hundred", () => {
  const cases = [0, 1023, 1024, 1536, 150 * 1024, 5 * 2 ** 30].map(formatBytes);
  assert.deepEqual(cases, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "150 KiB", "5.0 GiB"]);
});
