import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SieveRuntimeError, SieveSyntaxError } from "./errors.ts";
import type { SieveEnvironment } from "./message.ts";
import { SieveRegex } from "./match/regex.ts";
import { matchGlob, parseGlob } from "./match/glob.ts";
import { SieveScript } from "./script.ts";
import { literalEnvironment, literalMessage, literalPart } from "./testing.ts";

const MESSAGE = `From: Coyote <coyote+acme@desert.example.org>
To: roadrunner@acme.example.com, bob@example.net
Subject: I have a present for you: $$$ [tag] 5
Date: Tue, 1 Apr 1997 09:06:31 -0800
Message-ID: <m1@desert>
X-Priority: 3
X-Empty:

Look, I'm sorry about the whole anvil thing.`;

const ALL = `require ["fileinto","copy","envelope","variables","relational","comparator-i;ascii-numeric","regex",
"imap4flags","subaddress","body","date","index","mailbox","special-use","mailboxid","mboxmetadata","servermetadata",
"editheader","environment","enotify","duplicate","ihave","include","reject","vacation","vacation-seconds",
"encoded-character","foreverypart","mime","extracttext"];\n`;

/** Actions in short: "fileinto x (\\Seen)", "keep", … */
function actionsOf(
  source: string,
  environment: Partial<SieveEnvironment> = {},
  message = literalMessage(MESSAGE),
) {
  const outcome = new SieveScript(ALL + source).run(message, literalEnvironment(environment));
  if (outcome.error !== undefined) return `error: ${outcome.error.message}`;
  return outcome.actions
    .map((action) => {
      const flags = "flags" in action && action.flags.length > 0 ? ` (${action.flags.join(" ")})` : "";
      if (action.kind === "fileinto") return `fileinto ${action.mailbox}${flags}`;
      if (action.kind === "redirect") return `redirect ${action.address}`;
      if (action.kind === "reject") return `${action.inProtocol ? "ereject" : "reject"} ${action.reason}`;
      if (action.kind === "vacation") return `vacation ${action.seconds} ${action.reason}`;
      if (action.kind === "notify") return `notify ${action.method}`;
      return `${action.kind}${flags}`;
    })
    .join("; ");
}

test("actions: implicit keep and what cancels it", () => {
  const table: [string, string][] = [
    ["", "keep"],
    ["keep;", "keep"],
    ["discard;", "discard"],
    ["stop; discard;", "keep"],
    ['fileinto "a";', "fileinto a"],
    ['fileinto :copy "a";', "fileinto a; keep"],
    ['fileinto "a"; fileinto "a"; fileinto "b";', "fileinto a; fileinto b"],
    ['redirect "x@y.org";', "redirect x@y.org"],
    ['redirect :copy "x@y.org";', "redirect x@y.org; keep"],
    ['redirect "x@y.org"; keep;', "redirect x@y.org; keep"],
    ['reject "no";', "reject no"],
    ['vacation :days 3 "away";', `vacation ${3 * 86_400} away; keep`],
    ['vacation :seconds 1 "away";', "vacation 60 away; keep"],
    ['notify "mailto:a@b.c";', "notify mailto:a@b.c; keep"],
    [
      'if header :is "subject" "x" { discard; } elsif true { fileinto "b"; } else { fileinto "c"; }',
      "fileinto b",
    ],
  ];
  for (const [script, actions] of table) assert.equal(actionsOf(script), actions, script);
});

test("tests: each holds for the sample message as its RFC says", () => {
  const holds: string[] = [
    'header :contains "subject" "PRESENT"',
    'header :matches "subject" "I have*you: ?$? [tag] ?"',
    'header :is :comparator "i;octet" "x-priority" "3"',
    'header :is "x-empty" ""',
    'address :is "to" "bob@example.net"',
    'address :domain :is ["from", "to"] "acme.example.com"',
    'address :user "from" "coyote"',
    'address :detail "from" "acme"',
    'envelope :localpart "from" "sender"',
    'exists ["from", "x-empty"]',
    "size :under 1K",
    "size :over 10",
    "allof (true, not false, anyof (false, true))",
    'header :value "ge" :comparator "i;ascii-numeric" "x-priority" "3"',
    'header :count "eq" "x-priority" "1"',
    'header :regex "subject" "pre(sent|tend) for (you|me)"',
    'body :contains "ANVIL"',
    'body :raw :contains "anvil"',
    'date :originalzone "date" "hour" "09"',
    'date :zone "+0000" "date" "time" "17:06:31"',
    'date "date" "julian" "50539"',
    'currentdate :zone "+0000" "date" "2023-11-14"',
    'currentdate :zone "-0100" "std11" "Tue, 14 Nov 2023 21:13:20 -0100"',
    'currentdate :value "ge" "weekday" "2"',
    'header :index 1 :last "subject" "i have a present for you: $$$ [tag] 5"',
    'environment "location" "MDA"',
    'mailboxexists ["Known"]',
    'specialuse_exists "\\\\Junk"',
    'mailboxidexists "F1"',
    'metadata "Known" "/private/comment" "hi"',
    'servermetadataexists "/shared/admin"',
    'valid_notify_method "mailto:a@example.org"',
    'ihave "fileinto"',
    'not ihave "frobnicate"',
    'string "${unicode:40}" "@"',
    'string "${hex:24 24}" "$$"',
  ];
  const environment: Partial<SieveEnvironment> = {
    item: (name) => (name === "location" ? "MDA" : undefined),
    mailboxExists: (name) => name === "Known",
    mailboxIdExists: (id) => id === "F1",
    specialUseExists: (_, uses) => uses[0] === "\\Junk",
    metadata: (mailbox, entry) =>
      entry.endsWith("comment") ? "hi" : mailbox === undefined ? "admin" : undefined,
  };
  for (const condition of holds) {
    assert.equal(actionsOf(`if ${condition} { discard; }`, environment), "discard", condition);
  }
  const fails = [
    'address :detail "to" ["", "*"]',
    'header :contains "x-missing" ""',
    'body :raw :contains "Subject"',
    'date "x-missing" "hour" "09"',
    'header :index 2 "subject" "*"',
    'environment "nothing" "x"',
    "size :over 999999K",
  ];
  for (const condition of fails) {
    assert.equal(actionsOf(`if ${condition} { discard; }`, environment), "keep", condition);
  }
});

test("variables: RFC 5229 modifiers, matches and scope", () => {
  const table: [string, string][] = [
    ['set "a" "x"; fileinto "${A}${a}${missing}";', "fileinto xx"],
    ['set :lower :upperfirst "a" "jOHN"; fileinto "${a}";', "fileinto John"],
    ['set :length "a" "été"; fileinto "${a}";', "fileinto 3"],
    ['set :quotewildcard "a" "a*?b\\\\c"; fileinto "${a}";', "fileinto a\\*\\?b\\\\c"],
    [
      'if header :matches "subject" "*present*: * *" { fileinto "${1}|${2}|${3}|${9}"; }',
      "fileinto I have a | for you|$$$|",
    ],
    ['if header :regex "subject" "(a) pre(s)" { fileinto "${0}|${1}|${2}"; }', "fileinto a pres|a|s"],
    ['set "b" "${a"; fileinto "${b}$";', "fileinto ${a$"],
  ];
  for (const [script, actions] of table) assert.equal(actionsOf(script), actions, script);
});

test("flags: RFC 5232 internal variable, named variables and :flags", () => {
  const table: [string, string][] = [
    ['setflag "\\\\Seen"; keep;', "keep (\\Seen)"],
    ['addflag ["\\\\Seen \\\\Flagged", "\\\\seen"];', "keep (\\Seen \\Flagged)"],
    ['setflag "a b c"; removeflag "B"; fileinto "x";', "fileinto x (a c)"],
    ['setflag "v" "a b"; if hasflag "v" "A" { fileinto :flags "${v}" "x"; }', "fileinto x (a b)"],
    ['addflag "x"; if hasflag :count "eq" :comparator "i;ascii-numeric" "1" { discard; }', "discard"],
  ];
  for (const [script, actions] of table) assert.equal(actionsOf(script), actions, script);
});

test("include: RFC 6609 return, stop, once and global variables", () => {
  const scripts: Record<string, string> = {
    one: 'require ["include","variables","fileinto"]; global "g"; set "g" "got"; set "l" "no"; return; discard;',
    stops: "stop;",
    loop: 'require "include"; include "loop";',
  };
  const environment: Partial<SieveEnvironment> = { loadScript: (_, name) => scripts[name] };
  const run = (script: string) => actionsOf(script, environment);
  assert.equal(run('global "g"; include "one"; fileinto "${g}${l}";'), "fileinto got");
  assert.equal(run('include "stops"; discard;'), "keep");
  assert.equal(run('include :optional "none"; discard;'), "discard");
  assert.match(run('include "none"; discard;'), /^error: the personal script "none"/);
  assert.match(run('include "loop";'), /^error: too many included scripts/);
});

test("editheader: later actions and tests see the edited header", () => {
  const script = new SieveScript(
    `${ALL} addheader "X-A" "1"; deleteheader :matches "x-priority" "*"; deleteheader "Subject"; fileinto "a";`,
  );
  const outcome = script.run(literalMessage(MESSAGE), literalEnvironment());
  const action = outcome.actions[0]!;
  assert.ok(action.kind === "fileinto" && action.headers !== undefined);
  assert.deepEqual(
    action.headers.map((field) => field.name),
    ["X-A", "From", "To", "Date", "Message-ID", "X-Empty"],
  );
});

test("mime: foreverypart, break and extracttext walk the parts", () => {
  const parts = [
    literalPart([{ name: "Content-Type", value: "text/plain" }], "hello"),
    literalPart([{ name: "Content-Type", value: 'application/pdf; name="x.pdf"' }], "%PDF"),
  ];
  const message = literalMessage("Subject: s\nContent-Type: multipart/mixed\n\n", parts);
  const run = (script: string) => actionsOf(script, {}, message);
  assert.equal(
    run(
      'foreverypart { if header :mime :param "name" :matches "content-type" "*.pdf" { fileinto "pdf"; break; } }',
    ),
    "fileinto pdf",
  );
  assert.equal(
    run('if header :mime :anychild :contenttype "content-type" "text/plain" { discard; }'),
    "discard",
  );
  assert.equal(
    run(
      'foreverypart { if header :mime :type "content-type" "text" { extracttext :upper "t"; fileinto "${t}"; } }',
    ),
    "fileinto HELLO",
  );
});

test("errors at compile time name the place", () => {
  const table: [string, RegExp][] = [
    ["frobnicate;", /line 1, column 1: unknown command "frobnicate"/],
    ["keep", /line 1, column 5: ";" or a block expected/],
    ['fileinto "a";', /needs require "fileinto"/],
    ['require "nope";', /"nope" is not supported/],
    ['keep; require "fileinto";', /must stand before/],
    ["if true { keep; ", /line 1, column 17: "}" expected/],
    ['if header :is :contains "a" "b" { }', /exclude each other/],
    ['if header "a" { }', /takes 2 arguments, 1 are given/],
    ["if size 3 { }", /needs :over or :under/],
    ["elsif true { }", /elsif without if/],
    ['redirect "nobody";', /not an address/],
    ['\n\n  keep "x";', /line 3, column 3: keep takes 0 arguments/],
    ["text:\nabc", /no line with a single dot/],
    ['if true { keep; } "', /line 1, column 19: this string has no closing quote/],
    ['require "regex"; if header :regex "a" "(" { }', /bad regular expression: unbalanced \(/],
    ["if not not not true true {}", /./],
  ];
  for (const [script, message] of table) {
    assert.throws(
      () => new SieveScript(script),
      (error) => error instanceof SieveSyntaxError && message.test(error.message),
      script,
    );
  }
});

test("errors at run time keep the message and say why", () => {
  assert.match(actionsOf('reject "a"; vacation "b";'), /cannot be combined/);
  assert.match(actionsOf('set "x" "nobody"; redirect "${x}";'), /not an address/);
  const outcome = new SieveScript(`${ALL} fileinto "a"; error "boom";`).run(
    literalMessage(MESSAGE),
    literalEnvironment(),
  );
  assert.ok(outcome.error instanceof SieveRuntimeError);
  assert.deepEqual(
    outcome.actions.map(({ kind }) => kind),
    ["keep"],
  );
});

test("ihave: a block is compiled only where its extension is known", () => {
  const run = (script: string) =>
    new SieveScript(`require "ihave"; ${script}`).run(literalMessage(MESSAGE), literalEnvironment())
      .actions[0]?.kind;
  assert.equal(run('if ihave "fileinto" { fileinto "a"; }'), "fileinto");
  assert.equal(run('if allof (ihave "frob", frob "x") { frob; } else { discard; }'), "discard");
});

test("regex: agrees with JavaScript on the common syntax and takes linear time", () => {
  const atom = fc.constantFrom(
    "a",
    "b",
    ".",
    "[ab]",
    "[^a]",
    "(a|b)",
    "(ab)*",
    "a+",
    "b?",
    "a{1,2}",
    "^",
    "$",
  );
  fc.assert(
    fc.property(fc.array(atom, { maxLength: 6 }), fc.stringMatching(/^[abc]{0,12}$/), (atoms, text) => {
      const pattern = atoms.join("");
      const mine = new SieveRegex(pattern, false).exec(text);
      const theirs = new RegExp(pattern).exec(text);
      assert.equal(mine?.[0], theirs?.[0], `${pattern} on ${text}`);
    }),
    { numRuns: 3000 },
  );
  assert.equal(new SieveRegex("(a*)*(a*)*b", false).exec("a".repeat(20_000)), undefined);
  assert.throws(() => new SieveRegex("((a{255}){255}){255}", false));
});

test("glob: agrees with an equivalent expression; captures are the shortest", () => {
  const piece = fc.constantFrom("a", "b", "*", "?");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), fc.stringMatching(/^[ab]{0,10}$/), (pieces, text) => {
      const pattern = new RegExp(
        `^${pieces.map((p) => (p === "*" ? "(.*?)" : p === "?" ? "(.)" : p)).join("")}$`,
      );
      const theirs = pattern.exec(text)?.slice(1);
      assert.deepEqual(matchGlob(parseGlob(pieces.join("")), text, text), theirs);
    }),
    { numRuns: 3000 },
  );
  assert.equal(matchGlob(parseGlob(`${"*a".repeat(50)}b`), "a".repeat(5_000), "a".repeat(5_000)), undefined);
});

test("parser: hostile bytes end in SieveSyntaxError and nothing else", () => {
  const word = fc.constantFrom(
    ...'if|elsif|true|not|allof|(|)|{|}|[|]|;|,|"|\\|text:|\n|.|:is|:x|keep|"a"|#|/*|*/|1K|99999999999999999G|require|stop'.split(
      "|",
    ),
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(word, fc.string()), { maxLength: 60 }), (words) => {
      try {
        new SieveScript(words.join(" ")).run(literalMessage(MESSAGE), literalEnvironment());
      } catch (error) {
        assert.ok(error instanceof SieveSyntaxError, String(error));
      }
    }),
    { numRuns: 3000 },
  );
  for (const deep of ["if not ".repeat(50_000), "if true {".repeat(50_000), "if anyof(".repeat(50_000)]) {
    assert.throws(() => new SieveScript(deep), SieveSyntaxError);
  }
});
