import assert from "node:assert/strict";
import { test } from "node:test";
import { StoreError } from "../store/errors.ts";
import { parseMailboxName } from "./mailbox-name.ts";

test("parseMailboxName: internal names and slashes, in UTF-8, with and without the default domain", () => {
  const cases = {
    "user.alice": "user.alice",
    "user.alice.Gr&APYA3w-e": "user.alice.Gr&APYA3w-e",
    "user.alice.Größe": "user.alice.Gr&APYA3w-e",
    "user/alice/Größe": "user.alice.Gr&APYA3w-e",
    "user/alice/a.b": "user.alice.a^b",
    "example.net!user.bob": "example.net!user.bob",
    "user/bob@example.net": "example.net!user.bob",
    "user/bob/Sent@example.test": "user.bob.Sent",
    "DELETED.user.alice.Old.5F3A0B11": "DELETED.user.alice.Old.5F3A0B11",
    "shared.news": "shared.news",
  };
  for (const [text, name] of Object.entries(cases)) {
    assert.equal(parseMailboxName(text, "example.test"), name, text);
  }
});

test("parseMailboxName: refuses what is no name", () => {
  for (const text of ["", "user..alice", "user.alice\n", "user/al^ice", ".x"]) {
    assert.throws(() => parseMailboxName(text, ""), StoreError, JSON.stringify(text));
  }
});
