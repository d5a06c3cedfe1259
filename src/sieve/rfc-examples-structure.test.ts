// Examples of the RFCs that look at more than headers and text: edited headers, included scripts, MIME parts, metadata.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SieveEnvironment, SieveMessage } from "./message.ts";
import { SieveScript } from "./script.ts";
import { literalEnvironment, literalMessage, literalPart } from "./testing.ts";

const PLAIN = literalMessage("From: a@b.test\nTo: c@d.test\nSubject: hello\nX-Hello: World\n\nbody");

/** What a script does: mailboxes, kinds of action, and the header as it was edited. */
function outcomeOf(
  script: string,
  message: SieveMessage = PLAIN,
  environment: Partial<SieveEnvironment> = {},
): { actions: string[]; header: string[] | undefined } {
  const outcome = new SieveScript(script).run(message, literalEnvironment(environment));
  assert.equal(outcome.error, undefined, outcome.error?.message);
  const edited = outcome.actions.map((action) => ("headers" in action ? action.headers : undefined)).at(-1);
  return {
    actions: outcome.actions.map((action) =>
      action.kind === "fileinto" ? `fileinto ${action.mailbox}` : action.kind,
    ),
    header: edited?.map(({ name, value }) => `${name}: ${value}`),
  };
}

test("RFC 5293 §4: addheader puts the field first, with :last at the end", () => {
  const script = `require ["editheader", "variables"];
    if not header :contains "X-Sieve-Filtered" ["<kim@job.example.com>", "<kim@home.example.com>"] {
      addheader "X-Sieve-Filtered" "<kim@job.example.com>";
      addheader :last "X-Trailer" "end";
    }`;
  const { header } = outcomeOf(script);
  assert.equal(header?.[0], "X-Sieve-Filtered: <kim@job.example.com>");
  assert.equal(header?.at(-1), "X-Trailer: end");
});

test("RFC 5293 §5: deleteheader by value and by index; Received and Auto-Submitted stay", () => {
  const message = literalMessage(
    "Received: one\nDelivered-To: bob@example.com\nDelivered-To: alice@example.com\nDelivered-To: bob@example.com\nAuto-Submitted: no\n\nx",
  );
  const byValue = 'require "editheader"; deleteheader :is "Delivered-To" "bob@example.com";';
  assert.deepEqual(outcomeOf(byValue, message).header, [
    "Received: one",
    "Delivered-To: alice@example.com",
    "Auto-Submitted: no",
  ]);
  const byIndex = 'require "editheader"; deleteheader :index 1 :last "Delivered-To";';
  assert.equal(
    outcomeOf(byIndex, message).header?.filter((line) => line.startsWith("Delivered-To")).length,
    2,
  );
  const kept = 'require "editheader"; deleteheader "Received"; deleteheader "Auto-Submitted"; keep;';
  assert.equal(outcomeOf(kept, message).header, undefined);
});

test("RFC 5293 §6: redirect and fileinto carry the header as it was when they were reached", () => {
  const script = `require ["editheader", "fileinto", "copy"];
    fileinto :copy "before"; addheader "X-Late" "yes"; keep;`;
  const outcome = new SieveScript(script).run(PLAIN, literalEnvironment());
  const edited = outcome.actions.map((action) => "headers" in action && action.headers !== undefined);
  assert.deepEqual(edited, [false, true]);
});

test("RFC 6609 §3.2, §3.4: a user's script with a global spam test and shared variables", () => {
  const scripts: Record<string, string> = {
    "personal always_allow": `require ["fileinto", "include"];
      if address :is "from" "boss@example.com" { keep; stop; }`,
    "global spam_tests": `require ["reject", "variables", "include"];
      global ["test", "test_mailbox"];
      if header :contains "Subject" "$$" { set "test" "spam"; set "test_mailbox" "spam-\${test}"; }`,
  };
  const loadScript: SieveEnvironment["loadScript"] = (location, name) => scripts[`${location} ${name}`];
  const main = `require ["include", "variables", "relational", "fileinto"];
    global "test"; global "test_mailbox";
    include :personal "always_allow";
    include :global "spam_tests";
    if string :count "eq" "\${test}" "1" { fileinto "\${test_mailbox}"; stop; }`;
  const run = (head: string) => outcomeOf(main, literalMessage(`${head}\n\nx`), { loadScript }).actions;
  assert.deepEqual(run("From: boss@example.com\nSubject: $$"), ["keep"]);
  assert.deepEqual(run("From: x@y.test\nSubject: make $$ fast"), ["fileinto spam-spam"]);
  assert.deepEqual(run("From: x@y.test\nSubject: lunch"), ["keep"]);
});

const VIDEO = literalMessage("Subject: s\nContent-Type: multipart/mixed\n\n", [
  literalPart([{ name: "Content-Type", value: 'text/plain; charset="utf-8"' }], "look at this"),
  literalPart(
    [
      { name: "Content-Type", value: 'application/octet-stream; name="cute.MPG"' },
      { name: "Content-Disposition", value: 'attachment; filename="cute.MPG"' },
    ],
    "…",
  ),
]);

test("RFC 5703 §4.2: a header test on every MIME part", () => {
  const script = `require ["mime", "fileinto"];
    if header :mime :anychild :contenttype "Content-Type" "text/html" { fileinto "html"; }
    elsif header :mime :type "Content-Type" "image" { fileinto "images"; }
    elsif header :mime :anychild :param "filename" :matches "Content-Disposition" ["*.mpg", "*.avi"] { fileinto "video"; }`;
  assert.deepEqual(outcomeOf(script, VIDEO).actions, ["fileinto video"]);
});

test("RFC 5703 §3, §7: foreverypart with names, break and extracttext", () => {
  const script = `require ["foreverypart", "mime", "extracttext", "variables", "fileinto"];
    foreverypart :name "outer" {
      if header :mime :contenttype :is "Content-Type" "text/plain" {
        extracttext :first 4 "text";
        fileinto "found-\${text}";
        break :name "outer";
      }
    }`;
  assert.deepEqual(outcomeOf(script, VIDEO).actions, ["fileinto found-look"]);
});

test("RFC 5490 §3.3, §4: metadata of mailboxes and of the server", () => {
  const entries: Readonly<Record<string, string>> = {
    "INBOX /private/vendor/vendor.isode/auto-replies": "on",
    " /shared/admin": "mailto:a@b.test",
  };
  const environment: Partial<SieveEnvironment> = {
    metadata: (mailbox, entry) => entries[`${mailbox ?? ""} ${entry}`],
  };
  const script = `require ["mboxmetadata", "servermetadata", "fileinto"];
    if metadata :is "INBOX" "/private/vendor/vendor.isode/auto-replies" "on" { fileinto "auto"; }
    if servermetadata :contains "/shared/admin" "mailto:" { fileinto "server"; }
    if metadataexists "INBOX" ["/private/vendor/vendor.isode/auto-replies", "/private/none"] { discard; }
    if servermetadataexists ["/shared/admin"] { fileinto "exists"; }`;
  assert.deepEqual(outcomeOf(script, PLAIN, environment).actions, [
    "fileinto auto",
    "fileinto server",
    "fileinto exists",
  ]);
});

test("RFC 6134 §2.8: lists of addresses", () => {
  const environment: Partial<SieveEnvironment> = {
    listContains: (list, value) =>
      list === "tag:example.com,2009-05-28:Friends" ? value === "a@b.test" || value === "" : undefined,
  };
  const script = `require ["extlists", "fileinto"];
    if valid_ext_list ["tag:example.com,2009-05-28:Friends"] { fileinto "known"; }
    if address :list "from" "tag:example.com,2009-05-28:Friends" { fileinto "friends"; }
    if valid_ext_list ["tag:nobody"] { discard; }`;
  assert.deepEqual(outcomeOf(script, PLAIN, environment).actions, ["fileinto known", "fileinto friends"]);
});
