/** The first mail of the demo: a greeting, a short thread between the two users, and one message of every common form. */
import type { MessageToDeliver } from "../admin/context.ts";

const MINUTE_MS = 60_000;

interface Draft {
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly minutesAgo: number;
  readonly id: string;
  readonly headers?: readonly string[];
  readonly body: readonly string[];
}

export function demoMessages(domain: string, nowMs: number): readonly MessageToDeliver[] {
  const alice = `Alice Example <alice@${domain}>`;
  const bob = `Bob Example <bob@${domain}>`;
  const postmaster = `Rookery <postmaster@${domain}>`;
  const drafts: readonly Draft[] = [
    {
      from: postmaster,
      to: [alice, bob],
      subject: "Welcome to Rookery",
      minutesAgo: 180,
      id: "welcome",
      headers: ["Content-Type: multipart/alternative; boundary=welcome"],
      body: [
        "--welcome",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "",
        "Your mail server is up. This message was delivered to both demo users;",
        "its bytes are on disk once.",
        "",
        "Write to the other user, make folders, move messages, then start again:",
        "everything is still here.",
        "",
        "--welcome",
        "Content-Type: text/html; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "",
        "<p>Your mail server is <b>up</b>. This message was delivered to both demo users;",
        "its bytes are on disk once.</p>",
        "<p>Write to the other user, make folders, move messages, then start again:",
        "everything is still here.</p>",
        "",
        "--welcome--",
      ],
    },
    {
      from: bob,
      to: [alice],
      subject: "Lunch on Thursday?",
      minutesAgo: 120,
      id: "lunch-1",
      headers: plainText("us-ascii", "7bit"),
      body: [
        "Hi Alice,",
        "",
        "do you have time for lunch on Thursday? The place by the river is open again.",
        "",
        "Bob",
      ],
    },
    {
      from: alice,
      to: [bob],
      subject: "Re: Lunch on Thursday?",
      minutesAgo: 95,
      id: "lunch-2",
      headers: [
        `In-Reply-To: <lunch-1.demo@${domain}>`,
        `References: <lunch-1.demo@${domain}>`,
        ...plainText("us-ascii", "7bit"),
      ],
      body: [
        "> do you have time for lunch on Thursday?",
        "",
        "Yes, at half past twelve. I bring the maps.",
        "",
        "Alice",
      ],
    },
    {
      from: bob,
      to: [alice],
      subject: "Re: Lunch on Thursday?",
      minutesAgo: 80,
      id: "lunch-3",
      headers: [
        `In-Reply-To: <lunch-2.demo@${domain}>`,
        `References: <lunch-1.demo@${domain}> <lunch-2.demo@${domain}>`,
        ...plainText("us-ascii", "7bit"),
      ],
      body: ["> Yes, at half past twelve.", "", "See you there!", "", "Bob"],
    },
    {
      from: bob,
      to: [alice],
      subject: "=?utf-8?Q?Gr=C3=BC=C3=9Fe_aus_Z=C3=BCrich_=F0=9F=9A=82?=",
      minutesAgo: 45,
      id: "greetings",
      headers: plainText("utf-8", "8bit"),
      body: ["Liebe Alice,", "", "schöne Grüße vom Zürichsee – こんにちは – привет 🚂", "", "Bob"],
    },
    {
      from: bob,
      to: [alice],
      subject: "The list you asked for",
      minutesAgo: 10,
      id: "attachment",
      headers: ["Content-Type: multipart/mixed; boundary=list"],
      body: [
        "--list",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        "It is attached.",
        "",
        "--list",
        'Content-Type: text/csv; charset=utf-8; name="list.csv"',
        'Content-Disposition: attachment; filename="list.csv"',
        "Content-Transfer-Encoding: base64",
        "",
        Buffer.from("what,how many\r\nmaps,2\r\npencils,6\r\n").toString("base64"),
        "--list--",
      ],
    },
  ];
  return drafts.map((draft) => ({
    sender: addressOf(draft.from),
    recipients: draft.to.map(addressOf),
    message: render(draft, domain, nowMs),
  }));
}

function plainText(charset: string, encoding: string): string[] {
  return [`Content-Type: text/plain; charset=${charset}`, `Content-Transfer-Encoding: ${encoding}`];
}

function addressOf(mailbox: string): string {
  return /<(.+)>/.exec(mailbox)?.[1] ?? mailbox;
}

function render(draft: Draft, domain: string, nowMs: number): Buffer {
  const lines = [
    `Date: ${formatDate(nowMs - draft.minutesAgo * MINUTE_MS)}`,
    `From: ${draft.from}`,
    `To: ${draft.to.join(", ")}`,
    `Subject: ${draft.subject}`,
    `Message-ID: <${draft.id}.demo@${domain}>`,
    "MIME-Version: 1.0",
    ...(draft.headers ?? []),
    "",
    ...draft.body,
  ];
  return Buffer.from(lines.map((line) => `${line}\r\n`).join(""));
}

/** RFC 5322 §3.3, in UTC: `Mon, 02 Jan 2006 15:04:05 +0000`. */
function formatDate(ms: number): string {
  return new Date(ms).toUTCString().replace("GMT", "+0000");
}
