// Every further example of the RFCs, as their texts have it (lines joined), with what the texts say comes of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SieveEnvironment } from "./message.ts";
import { SieveScript } from "./script.ts";
import { actionsOf, literalPart, literalEnvironment, literalMessage } from "./testing.ts";

type Case = readonly [message: string, actions: string, environment?: Partial<SieveEnvironment>];
const X = "Subject: x\n\nx";
const BIG = `Subject: big\n\n${"x".repeat(600 * 1024)}`;

const EXAMPLES: readonly (readonly [from: string, script: string, ...cases: readonly Case[]])[] = [
  ["RFC 3894 §1", 'require "fileinto"; fileinto "unfiltered"; keep;', [X, "fileinto unfiltered; keep"]],
  [
    "RFC 3894 §1, no :contains",
    'require "fileinto"; fileinto "unfiltered"; keep; if header "Subject" "MAKE MONEY FAST!!!" { discard; }',
    ["Subject: make money fast!!!\n\nx", "fileinto unfiltered; keep; discard"],
  ],
  ["RFC 3894 §3", 'require ["copy", "fileinto"]; fileinto :copy "incoming";', [X, "fileinto incoming; keep"]],
  ["RFC 5228 §2.3", "if size :over 100k { # this is a comment\ndiscard;\n}", [BIG, "discard"], [X, "keep"]],
  [
    "RFC 5228 §2.3",
    "if size :over 100K { /* this is a comment\nstill */ discard /* x\n*/ ;\n}",
    [BIG, "discard"],
  ],
  [
    "RFC 5228 §2.5.1",
    'if anyof (not exists ["From", "Date"], header :contains "from" "fool@example.com") { discard; }',
    ["From: a@b.test\n\nx", "discard"],
    ["From: a@b.test\nDate: x\n\nx", "keep"],
    ["From: fool@example.com\nDate: x\n\nx", "discard"],
  ],
  [
    "RFC 5228 §2.7.3",
    'if header :contains :comparator "i;octet" "Subject" "MAKE MONEY FAST" { discard; }',
    ["Subject: MAKE MONEY FAST now\n\nx", "discard"],
    ["Subject: make money fast now\n\nx", "keep"],
  ],
  [
    "RFC 5228 §3.1",
    'require "fileinto"; if header :contains "from" "coyote" { discard; } elsif header :contains ["subject"] ["$$$"] { discard; } else { fileinto "INBOX"; }',
    ["From: coyote@acme.test\n\nx", "discard"],
    ["Subject: $$$\n\nx", "discard"],
    [X, "fileinto INBOX"],
  ],
  [
    "RFC 5228 §3.1, redirects",
    'if header :contains ["From"] ["coyote"] { redirect "acm@example.com"; } elsif header :contains "Subject" "$$$" { redirect "postmaster@example.com"; } else { redirect "field@example.com"; }',
    ["From: coyote@acme.test\nSubject: $$$ x\n\nx", "redirect acm@example.com"],
    ["Subject: $$$ x\n\nx", "redirect postmaster@example.com"],
    [X, "redirect field@example.com"],
  ],
  [
    "RFC 5228 §4.1",
    'require "fileinto"; if header :contains ["from"] "coyote" { fileinto "INBOX.harassment"; }',
    ["From: coyote@x.test\n\nx", "fileinto INBOX.harassment"],
  ],
  ["RFC 5228 §4.2", 'redirect "bart@example.com";', [X, "redirect bart@example.com"]],
  ["RFC 5228 §4.3", "if size :under 1M { keep; } else { discard; }", [X, "keep"]],
  ["RFC 5228 §4.3", "if not size :under 1M { discard; }", [X, "keep"]],
  [
    "RFC 5228 §4.4",
    'if header :contains ["from"] ["idiot@example.com"] { discard; }',
    ["From: idiot@example.com\n\nx", "discard"],
  ],
  [
    "RFC 5228 §5.1",
    'if address :is :all "from" "tim@example.com" { discard; }',
    ['From: "Tim" <tim@example.com>\n\nx', "discard"],
  ],
  [
    "RFC 5228 §5.4",
    'require "envelope"; if envelope :all :is "from" "tim@example.com" { discard; }',
    [X, "discard", { envelopeFrom: "tim@example.com" }],
    ["From: tim@example.com\n\nx", "keep"],
  ],
  ["RFC 5228 §5.5", 'if not exists ["From","Date"] { discard; }', [X, "discard"]],
  [
    "RFC 5228 §5.7",
    'if header :is ["X-Caffeine"] [""] { discard; }',
    ["X-Caffeine: C8H10N4O2\n\nx", "keep"],
    ["X-Caffeine:\n\nx", "discard"],
    [X, "keep"],
  ],
  [
    "RFC 5228 §5.7",
    'if header :contains ["X-Caffeine"] [""] { discard; }',
    ["X-Caffeine: C8H10N4O2\n\nx", "discard"],
  ],
  [
    "RFC 5230 §4.2",
    'require "vacation"; if header :contains "subject" "cyrus" { vacation "cyrus-bugs"; } else { vacation "call me"; }',
    ["Subject: Cyrus\n\nx", "vacation 604800 cyrus-bugs; keep"],
    [X, "vacation 604800 call me; keep"],
  ],
  [
    "RFC 5230 §4.7",
    'require "vacation"; if header :contains "from" "boss@example.edu" { redirect "pleeb@isp.example.org"; } else { vacation "Sorry"; }',
    ["From: boss@example.edu\n\nx", "redirect pleeb@isp.example.org"],
    [X, "vacation 604800 Sorry; keep"],
  ],
  [
    "RFC 5230 §7",
    'require "vacation"; if header :contains ["accept-language", "content-language"] "en" { vacation "I am away this week."; } else { vacation "Estoy ausente esta semana."; }',
    ["Content-Language: en-GB\n\nx", "vacation 604800 I am away this week.; keep"],
    [X, "vacation 604800 Estoy ausente esta semana.; keep"],
  ],
  [
    "RFC 5232 §3.2: four ways to add the same flags",
    `require ["imap4flags", "variables", "fileinto"]; addflag "a" "\\\\Deleted"; addflag "a" "\\\\Answered"; addflag "b" ["\\\\Deleted", "\\\\Answered"];
     addflag "c" "\\\\Deleted \\\\Answered"; addflag "d" "\\\\Answered \\\\Deleted"; fileinto :flags "\${a}" "a"; fileinto :flags "\${d}" "d";`,
    [X, "fileinto a (\\Deleted \\Answered); fileinto d (\\Answered \\Deleted)"],
  ],
  [
    "RFC 5232 §3.3",
    `require ["imap4flags", "variables", "fileinto"];
     if header :contains "Disposition-Notification-To" "mel@example.com" { addflag "flagvar" "$MDNRequired"; }
     if header :contains "from" "imap@cac.washington.example.edu" { removeflag "flagvar" "$MDNRequired"; fileinto :flags "\${flagvar}" "INBOX.imap-list"; }`,
    [
      "Disposition-Notification-To: mel@example.com\nFrom: imap@cac.washington.example.edu\n\nx",
      "fileinto INBOX.imap-list",
    ],
  ],
  [
    "RFC 5232 §4: hasflag",
    `require ["imap4flags", "variables", "relational", "comparator-i;ascii-numeric", "fileinto"]; set "MyFlags" "A B";
     if hasflag "MyFlags" "b A" { fileinto "1"; } if hasflag :contains "MyFlags" "A" { fileinto "2"; }
     if hasflag :count "ge" :comparator "i;ascii-numeric" "MyFlags" "2" { fileinto "3"; } if hasflag "MyFlags" "C" { fileinto "4"; }`,
    [X, "fileinto 1; fileinto 2; fileinto 3"],
  ],
  [
    "RFC 5233 §4",
    `require ["envelope", "subaddress", "fileinto"]; if envelope :user "to" "postmaster" { fileinto "inbox.postmaster"; stop; }
     if envelope :detail "to" "mta-filters" { fileinto "inbox.ietf-mta-filters"; } if envelope :detail "to" "foo" { redirect "ken@example.net"; }`,
    [X, "fileinto inbox.postmaster", { envelopeTo: "postmaster+x@example.com" }],
    [X, "fileinto inbox.ietf-mta-filters", { envelopeTo: "ken+mta-filters@example.com" }],
    [X, "redirect ken@example.net", { envelopeTo: "ken+foo@example.com" }],
  ],
  [
    "RFC 5260 §4.4",
    `require ["date", "relational", "fileinto"]; if allof(header :is "from" "boss@example.com", date :value "ge" :originalzone "date" "hour" "09",
     date :value "lt" :originalzone "date" "hour" "17") { fileinto "urgent"; }`,
    ["From: boss@example.com\nDate: Fri, 24 Nov 2023 09:10:00 +0900\n\nx", "fileinto urgent"],
    ["From: boss@example.com\nDate: Fri, 24 Nov 2023 17:00:00 +0900\n\nx", "keep"],
  ],
  [
    "RFC 5260 §4.4, Received",
    'require ["date", "relational", "fileinto"]; if anyof(date :is "received" "weekday" "0", date :is "received" "weekday" "6") { fileinto "weekend"; }',
    ["Received: from a by b; Sun, 26 Nov 2023 12:00:00 +0000\n\nx", "fileinto weekend"],
    ["Received: from a by b; Mon, 27 Nov 2023 12:00:00 +0000\n\nx", "keep"],
  ],
  [
    "RFC 5260 §5.1",
    'require ["date", "relational"]; if anyof(currentdate :is "weekday" "0", currentdate :is "weekday" "6", currentdate :value "lt" "hour" "09", currentdate :value "ge" "hour" "17") { redirect "pager@example.com"; }',
    // Tuesday, 14 November 2023, 23:13:20 +0100.
    [X, "redirect pager@example.com"],
    [X, "keep", { now: { epochSeconds: 1_699_960_000, zoneMinutes: 0 } }],
  ],
  [
    "RFC 5260 §5.1, vacation",
    `require ["date", "relational", "vacation"]; if allof(currentdate :value "ge" "date" "2007-06-30", currentdate :value "le" "date" "2007-07-07") { vacation :days 7 "I'm away"; }`,
    [X, "vacation 604800 I'm away; keep", { now: { epochSeconds: 1_183_500_000, zoneMinutes: 0 } }],
    [X, "keep"],
  ],
  [
    "RFC 5260 §5.1, names by date",
    'require ["date", "variables", "fileinto"]; if currentdate :matches "month" "*" { set "month" "${1}"; } if currentdate :matches "year" "*" { set "year" "${1}"; } fileinto "${month}-${year}";',
    [X, "fileinto 11-2023"],
  ],
  [
    "RFC 5429 §2.2.1",
    `require ["reject"]; if header :contains "from" "coyote@desert.example.org" { reject text:\nI am not taking mail from you, and I don't\nwant your birdseed, either!\n.\n; }`,
    [
      "From: coyote@desert.example.org\n\nx",
      "reject I am not taking mail from you, and I don't\nwant your birdseed, either!\n",
    ],
  ],
  [
    "RFC 5435 §3.8",
    `require ["enotify", "fileinto", "variables", "envelope"]; if header :matches "from" "*@*.example.org" {
      if envelope :all :matches "from" "*" { set "env_from" " [really: \${1}]"; } if header :matches "Subject" "*" { set "subject" "\${1}"; }
      if address :matches :all "from" "*" { set "from_addr" "\${1}"; } notify :message "\${from_addr}\${env_from}: \${subject}" "mailto:alm@example.com"; }`,
    ["From: bob@sales.example.org\nSubject: Hi\n\nx", "notify mailto:alm@example.com; keep"],
  ],
  [
    "RFC 5435 §4",
    'require "enotify"; if not valid_notify_method ["mailto:", "http://gw.example.net/notify?test"] { stop; } discard;',
    [X, "keep"],
  ],
  [
    "RFC 5435 §6",
    'require ["enotify", "variables"]; set :encodeurl "body_param" "Safe body&evil=evilbody"; notify "mailto:tim@example.com?body=${body_param}";',
    [X, "notify mailto:tim@example.com?body=Safe%20body%26evil%3Devilbody; keep"],
  ],
  [
    "RFC 5490 §3.1",
    'require ["fileinto", "reject", "mailbox"]; if mailboxexists "Partners" { fileinto "Partners"; } else { reject "not accepted"; }',
    [X, "fileinto Partners", { mailboxExists: (name) => name === "Partners" }],
    [X, "reject not accepted"],
  ],
  [
    "RFC 6131 §3",
    'require ["vacation-seconds"]; vacation :handle "auto-resp" :seconds 0 "Your request has been received.";',
    [X, "vacation 0 Your request has been received.; keep"],
  ],
  [
    "RFC 7352 §5.2",
    'require ["duplicate", "variables", "imap4flags", "fileinto"]; if header :matches "subject" "ALERT: *" { if duplicate :seconds 60 :uniqueid "${1}" { setflag "\\\\seen"; } fileinto "Alerts"; }',
    ["Subject: ALERT: disk\n\nx", "fileinto Alerts"],
    ["Subject: ALERT: disk\n\nx", "fileinto Alerts (\\seen)", { isDuplicate: () => true }],
  ],
  [
    "RFC 7352 §5.4",
    `require ["duplicate", "imap4flags"]; if duplicate :header "X-Event-ID" :handle "notifier" { discard; }
     if allof (duplicate :header "X-Ticket-ID" :handle "support", address "to" "support@example.com", header :contains "subject" "fileserver") { setflag "\\\\seen"; }`,
    ["To: support@example.com\nSubject: fileserver\nX-Ticket-ID: 1\nX-Event-ID: 1\n\nx", "keep"],
  ],
];

for (const [from, script, ...cases] of EXAMPLES) {
  test(`${from}: ${script.slice(0, 60)}`, () => {
    for (const [message, actions, environment] of cases) {
      assert.equal(actionsOf(script, message, environment), actions, message.slice(0, 200));
    }
  });
}

test("RFC 5228 §2.4.2.4: the table of encoded characters", () => {
  const table: readonly (readonly [text: string, means: string | undefined])[] = [
    ["$${hex:40}", "$@"],
    ["${hex: 40 }", "@"],
    ["${HEX: 40}", "@"],
    ["${hex:40", "${hex:40"],
    ["${hex:400}", "${hex:400}"],
    ["${hex:4${hex:30}}", "${hex:40}"],
    ["${hex:47 72 C3}${hex:bc}${hex:C3 9F}e", "Grüße"],
    ["${unicode:40}", "@"],
    ["${ unicode:40}", "${ unicode:40}"],
    ["${UNICODE:40}", "@"],
    ["${UnICoDE:0000040}", "@"],
    ["${Unicode:Cool}", "${Unicode:Cool}"],
    ["${unicode:200000}", undefined],
    ["${Unicode:DF01}", undefined],
  ];
  for (const [text, means] of table) {
    const script = `require "encoded-character"; redirect "a@b.test"; if header :is "subject" "${text}" { discard; }`;
    if (means === undefined) assert.throws(() => new SieveScript(script), { name: "SieveSyntaxError" }, text);
    else assert.match(actionsOf(script, `Subject: ${means}\n\nx`), /discard/, text);
  }
});

test("RFC 5229 §3: what is a variable, and what is text", () => {
  const set = 'require ["variables", "fileinto"]; set "company" "ACME"; set "dollar" "$";';
  for (const [text, means] of [
    ["&%${}!", "&%${}!"],
    ["${doh!}", "${doh!}"],
    ["${Company}", "ACME"],
    ["${President, ${Company} Inc.}", "${President, ACME Inc.}"],
    ["${BAD${Company}", "${BADACME"],
    ["regarding ${dollar}{beep}", "regarding ${beep}"],
  ] as const) {
    assert.equal(actionsOf(`${set} fileinto "${text}";`, X), `fileinto ${means}`);
  }
  const encoded = `require ["encoded-character", "variables"]; set "name" "Ethelbert"; if header :contains "Subject" "dear\${hex:20 24 7b 4e}ame}" { discard; }`;
  assert.equal(actionsOf(encoded, "Subject: dear Ethelbert\n\nx"), "discard");
});

test("RFC 5173 §5.1, §5.2: raw text, and parts by type", () => {
  const raw = 'require "body"; if body :raw :contains "MAKE MONEY FAST" { discard; }';
  assert.equal(actionsOf(raw, "Subject: MAKE MONEY FAST\n\nno"), "keep");
  const script = `require ["body", "fileinto"]; if body :content "text" :contains ["missile", "coordinates"] { fileinto "secrets"; }
    if body :content "audio/mp3" :contains "" { fileinto "jukebox"; }`;
  const part = (type: string, text: string) => literalPart([{ name: "Content-Type", value: type }], text);
  const message = literalMessage("Content-Type: multipart/mixed\n\nmissile", [
    part("text/html", "the coordinates"),
    part("audio/mp3", ""),
  ]);
  const { actions } = new SieveScript(script).run(message, literalEnvironment());
  assert.deepEqual(
    actions.map((action) => action.kind === "fileinto" && action.mailbox),
    ["secrets", "jukebox"],
  );
});

test("RFC 6609 §3.2: four scripts, personal and global, include each other", () => {
  const scripts: Record<string, string> = {
    "personal always_allow":
      'if address :is "from" "boss@example.com" { keep; } elsif address :is "from" "ceo@example.com" { keep; }',
    "global spam_tests":
      'require ["reject"]; if header :contains "Subject" "XXXX" { reject "Subject XXXX is unacceptable."; } elsif address :is "from" "money@example.com" { reject "Mail from this sender is unwelcome."; }',
    "personal spam_tests":
      'require ["reject"]; if anyof (header :contains "Subject" "$$", header :contains "Subject" "Make money") { reject "No thank you."; }',
    "personal mailing_lists":
      'require ["fileinto"]; if header :is "List-ID" "sieve.ietf.org" { fileinto "lists.sieve"; } elsif header :is "List-ID" "ietf-imapext.imc.org" { fileinto "lists.imapext"; }',
  };
  const script =
    'require ["include"]; include :personal "always_allow"; include :global "spam_tests"; include :personal "spam_tests"; include :personal "mailing_lists";';
  const environment = { loadScript: (location: string, name: string) => scripts[`${location} ${name}`] };
  for (const [message, actions] of [
    ["From: boss@example.com\n\nx", "keep"],
    ["Subject: XXXX\n\nx", "reject Subject XXXX is unacceptable."],
    ["From: money@example.com\n\nx", "reject Mail from this sender is unwelcome."],
    ["Subject: Make money\n\nx", "reject No thank you."],
    ["List-ID: sieve.ietf.org\n\nx", "fileinto lists.sieve"],
  ] as const) {
    assert.equal(actionsOf(script, message, environment), actions);
  }
});
