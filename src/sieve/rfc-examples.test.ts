// The example scripts of the RFCs, on messages that take one or the other way through them.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SieveEnvironment } from "./message.ts";
import { actionsOf } from "./testing.ts";

interface Example {
  readonly from: string;
  readonly script: string;
  /** Header lines, a blank line, a body → what happens. */
  readonly cases: readonly (readonly [message: string, actions: string])[];
  readonly environment?: Partial<SieveEnvironment>;
}

const HEAD = "From: a@b.test\nTo: c@d.test\n";

const EXAMPLES: readonly Example[] = [
  {
    from: "RFC 5228 §9",
    script: `require ["fileinto"];
      if header :is "Sender" "owner-ietf-mta-filters@imc.org" { fileinto "filter"; }
      elsif address :DOMAIN :is ["From", "To"] "example.com" { keep; }
      elsif anyof (NOT address :all :contains ["To", "Cc", "Bcc"] "me@example.com",
                   header :matches "subject" ["*make*money*fast*", "*university*dipl*mas*"]) { fileinto "spam"; }
      else { fileinto "personal"; }`,
    cases: [
      ["Sender: owner-ietf-mta-filters@imc.org\n\nx", "fileinto filter"],
      ["From: boss@example.com\nTo: me@other.test\n\nx", "keep"],
      ["From: x@y.test\nTo: you@z.test\n\nx", "fileinto spam"],
      ["From: x@y.test\nTo: me@example.com.test\nSubject: MAKE some money very fast\n\nx", "fileinto spam"],
      ["From: x@y.test\nTo: me@example.com.test\nSubject: lunch\n\nx", "fileinto personal"],
    ],
  },
  {
    from: "RFC 5228 §2.4.2.4 (encoded-character)",
    script:
      'require ["encoded-character", "fileinto"]; if header :is "subject" "$${hex:24 24}" { fileinto "x"; }',
    cases: [
      ["Subject: $$$\n\nx", "fileinto x"],
      ["Subject: $${hex:24 24}\n\nx", "keep"],
    ],
  },
  {
    from: "RFC 3894 §5",
    script:
      'require ["copy", "fileinto"]; if header :contains "subject" "ok" { redirect :copy "a@b.test"; } else { fileinto :copy "c"; }',
    cases: [
      ["Subject: ok\n\nx", "redirect a@b.test; keep"],
      ["Subject: no\n\nx", "fileinto c; keep"],
    ],
  },
  {
    from: "RFC 5173 §5.3",
    script:
      'require ["body", "fileinto"]; if body :text :contains "project schedule" { fileinto "project/schedule"; }',
    cases: [
      [`${HEAD}\nThe project schedule is here`, "fileinto project/schedule"],
      [`${HEAD}\nNothing`, "keep"],
    ],
  },
  {
    from: "RFC 5173 §4.1 (raw)",
    script: 'require "body"; if body :raw :contains "MAKE MONEY FAST" { discard; }',
    cases: [[`${HEAD}\nnow make money fast`, "discard"]],
  },
  {
    from: "RFC 5183 §5",
    script: 'require ["environment"]; if environment :matches "remote-host" "*.example.com" { discard; }',
    environment: { item: (name) => (name === "remote-host" ? "mx.example.com" : undefined) },
    cases: [[`${HEAD}\nx`, "discard"]],
  },
  {
    from: "RFC 5229 §3.2",
    script: `require ["fileinto", "variables"];
      if header :matches "List-ID" "*<*@*" { fileinto "INBOX.lists.\${2}"; stop; }
      if header :matches ["To", "Cc"] ["coyote@**.com", "wile@**.com"] { fileinto "INBOX.business.\${2}"; stop; }
      else { fileinto "INBOX"; }`,
    cases: [
      ["List-ID: Funny <funny@lists.test>\n\nx", "fileinto INBOX.lists.funny"],
      ["To: coyote@ACME.Example.COM\n\nx", "fileinto INBOX.business.ACME.Example"],
      [`${HEAD}\nx`, "fileinto INBOX"],
    ],
  },
  {
    from: "RFC 5229 §4.1",
    script: `require ["variables", "fileinto"]; set "a" "juMBlEd lETteRS"; set :length "b" "\${a}"; set :lower :upperfirst "c" "\${a}";
      set :quotewildcard "d" "Rock*"; fileinto "\${b} \${c} \${d}";`,
    cases: [[`${HEAD}\nx`, "fileinto 15 Jumbled letters Rock\\*"]],
  },
  {
    from: "RFC 5231 §8",
    script: `require ["relational", "comparator-i;ascii-numeric", "fileinto"];
      if header :value "lt" :comparator "i;ascii-numeric" ["x-priority"] ["3"] { fileinto "Priority"; }
      elsif address :count "gt" :comparator "i;ascii-numeric" ["to"] ["5"] { fileinto "SPAM"; }
      elsif address :value "gt" :all :comparator "i;ascii-casemap" ["from"] ["M"] { fileinto "From N-Z"; }
      else { fileinto "From A-M"; }`,
    cases: [
      ["X-Priority: 1\n\nx", "fileinto Priority"],
      ["From: zoe@x.test\nTo: a@b.c, b@b.c, c@b.c, d@b.c, e@b.c, f@b.c\n\nx", "fileinto SPAM"],
      ["From: zoe@x.test\nTo: a@b.c\n\nx", "fileinto From N-Z"],
      ["From: amy@x.test\nTo: a@b.c\n\nx", "fileinto From A-M"],
    ],
  },
  {
    from: "RFC 5232 §5",
    script: `require ["fileinto", "imap4flags"];
      if header :contains "from" "boss@frobnitzm.example.edu" { addflag "\\\\Flagged"; }
      elsif header :is "subject" "old" { setflag ["\\\\Deleted", "\\\\Seen"]; removeflag "\\\\Seen"; }
      fileinto "INBOX.From Boss";`,
    cases: [
      ["From: boss@frobnitzm.example.edu\n\nx", "fileinto INBOX.From Boss (\\Flagged)"],
      ["Subject: old\n\nx", "fileinto INBOX.From Boss (\\Deleted)"],
    ],
  },
  {
    from: "RFC 5233 §4",
    script: `require ["envelope", "subaddress", "fileinto"];
      if address :detail "from" "acm" { stop; }
      if envelope :detail "to" "mta-filters" { fileinto "inbox.ietf-mta-filters"; }
      if address :detail "to" "" { discard; }`,
    environment: { envelopeTo: "ken+mta-filters@example.org" },
    cases: [
      ["From: x+acm@y.test\n\nx", "keep"],
      ["From: x@y.test\nTo: ken+a@b.test\n\nx", "fileinto inbox.ietf-mta-filters"],
    ],
  },
  {
    from: "RFC 5260 §4 (date)",
    script: `require ["date", "relational", "fileinto"];
      if allof (header :is "from" "boss@example.com", date :value "ge" :originalzone "date" "hour" "09",
                date :value "lt" :originalzone "date" "hour" "17") { fileinto "urgent"; }
      if anyof (date :is :originalzone "date" "weekday" "0", date :is :originalzone "date" "weekday" "6") { fileinto "weekend"; }`,
    cases: [
      ["From: boss@example.com\nDate: Tue, 1 Apr 1997 09:06:31 -0800\n\nx", "fileinto urgent"],
      ["From: boss@example.com\nDate: Tue, 1 Apr 1997 17:06:31 -0800\n\nx", "keep"],
      ["From: a@b.test\nDate: Sat, 5 Apr 1997 09:06:31 -0800\n\nx", "fileinto weekend"],
    ],
  },
  {
    from: "RFC 5260 §6 (index)",
    script:
      'require ["index", "fileinto"]; if header :index 1 :last :contains "received" "our.host" { fileinto "local"; }',
    cases: [
      ["Received: by mx\nReceived: by our.host\n\nx", "fileinto local"],
      ["Received: by our.host\nReceived: by mx\n\nx", "keep"],
    ],
  },
  {
    from: "RFC 5429 §2.1",
    script: `require ["ereject"]; if header :contains "from" "coyote@desert.example.org" { ereject "No mail from you"; }`,
    cases: [["From: coyote@desert.example.org\n\nx", "ereject No mail from you"]],
  },
  {
    from: "RFC 5463 §6",
    script: `require ["ihave"]; if ihave "vnd.unknown" { unknown; } else { discard; }`,
    cases: [[`${HEAD}\nx`, "discard"]],
  },
  {
    from: "RFC 5490 §3.1",
    script: `require ["fileinto", "mailbox"]; if mailboxexists "Partners" { fileinto "Partners"; } else { fileinto :create "New"; }`,
    environment: { mailboxExists: (name) => name === "Partners" },
    cases: [[`${HEAD}\nx`, "fileinto Partners"]],
  },
  {
    from: "RFC 6131 §2",
    script: `require ["vacation-seconds"]; vacation :addresses ["tjs@example.edu"] :seconds 1800 "I am in a meeting";`,
    cases: [[`${HEAD}\nx`, "vacation 1800 I am in a meeting; keep"]],
  },
  {
    from: "RFC 5230 §4.1",
    script: `require "vacation"; vacation :days 23 :addresses ["tjs@example.edu", "ts4z@landru.example.edu"] "I'm away";`,
    cases: [[`${HEAD}\nx`, "vacation 1987200 I'm away; keep"]],
  },
  {
    from: "RFC 7352 §3.1",
    script: `require ["duplicate", "fileinto", "mailbox"]; if duplicate { fileinto :create "Trash/Duplicate"; }`,
    environment: { isDuplicate: () => true },
    cases: [["Message-ID: <1@x>\n\nx", "fileinto Trash/Duplicate"]],
  },
  {
    from: "RFC 8579 §4.1",
    script: `require ["fileinto", "special-use"]; if specialuse_exists "\\\\Junk" { fileinto :specialuse "\\\\Junk" "Spam"; }`,
    environment: { specialUseExists: () => true },
    cases: [[`${HEAD}\nx`, "fileinto Spam"]],
  },
  {
    from: "RFC 9042 §4",
    script: `require ["fileinto", "mailboxid"]; if mailboxidexists "F1" { fileinto :mailboxid "F1" "INBOX.harassment"; }`,
    environment: { mailboxIdExists: (id) => id === "F1" },
    cases: [[`${HEAD}\nx`, "fileinto INBOX.harassment"]],
  },
  {
    from: "RFC 5436 §4",
    script: `require ["enotify"]; if header :contains "from" "boss@example.org" { notify :importance "1" "mailto:0123456789@sms.example.net"; }`,
    cases: [["From: boss@example.org\n\nx", "notify mailto:0123456789@sms.example.net; keep"]],
  },
];

for (const { from, script, cases, environment } of EXAMPLES) {
  test(`example of ${from}`, () => {
    for (const [message, actions] of cases)
      assert.equal(actionsOf(script, message, environment), actions, message);
  });
}
