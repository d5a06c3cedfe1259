import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { applicationData, itemContext, mailItem } from "../../../test/support/eas-mail.ts";
import { systemClock } from "../../base/io/clock.ts";
import { systemRandom } from "../../base/io/random.ts";
import { Logs } from "../../base/log.ts";
import { SystemFlag } from "../../store/model.ts";
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import type { Element } from "../element.ts";
import type { BodyOptions, BodyPreference } from "../item-class.ts";
import { PROTOCOL_VERSIONS, type ProtocolVersion } from "../version.ts";
import { DEFAULT_BODY_OPTIONS } from "./body-options.ts";
import { EmailClass } from "./email-class.ts";

const emailClass = new EmailClass({ clock: systemClock, random: systemRandom });
after(() => emailClass.close());

function preference(type: number, truncationBytes?: number): BodyPreference {
  return { type, truncationBytes, allOrNone: false, previewCharacters: 0 };
}

function wants(...bodyPreferences: BodyPreference[]): BodyOptions {
  return { ...DEFAULT_BODY_OPTIONS, bodyPreferences };
}

async function show(
  mail: string | Buffer,
  options: BodyOptions = DEFAULT_BODY_OPTIONS,
  version: ProtocolVersion = 141,
  state: Parameters<typeof mailItem>[1] = {},
): Promise<Element> {
  const item = mailItem(Buffer.from(mail), state);
  return applicationData(await emailClass.prepare(item, itemContext(version, options)));
}

function body(data: Element): { type: string; text: string; size: number; truncated: boolean } {
  const element = data.child(tagOf("AirSyncBase:Body"));
  assert.ok(element);
  return {
    type: element.textOf(tagOf("AirSyncBase:Type")) ?? "",
    text: element.textOf(tagOf("AirSyncBase:Data")) ?? "",
    size: element.numberOf(tagOf("AirSyncBase:EstimatedDataSize")) ?? -1,
    truncated: element.flagOf(tagOf("AirSyncBase:Truncated"), false),
  };
}

const HEAD =
  'From: "Bob B." <bob@example.net>\r\nTo: alice@example.org, =?utf-8?B?QsOpYQ==?= <bea@example.org>\r\n' +
  "Subject: Re: =?iso-8859-1?Q?Gr=FC=DFe?=\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\nMessage-ID: <1@example.net>\r\n";
const ALTERNATIVE =
  `${HEAD}MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=x\r\n\r\n` +
  "--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nplain gr\u00fc\u00dfe\r\n" +
  '--x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p onclick="x()">html <b>gr\u00fc\u00dfe</b></p><script>bad()</script>\r\n--x--\r\n';

test("Email: the header is decoded and addresses are printed as MS-ASEMAIL wants", async () => {
  const data = await show(`${HEAD}Importance: high\r\n\r\nhello\r\n`, wants(preference(1)));
  const text = (name: string): string | undefined => data.textOf(tagOf(`Email:${name}`));
  assert.equal(text("From"), '"Bob B." <bob@example.net>');
  assert.equal(text("To"), '<alice@example.org>, "B\u00e9a" <bea@example.org>');
  assert.equal(text("DisplayTo"), "alice@example.org; B\u00e9a");
  assert.equal(text("Subject"), "Re: Gr\u00fc\u00dfe");
  assert.equal(text("ThreadTopic"), "Gr\u00fc\u00dfe");
  assert.equal(text("Importance"), "2");
  assert.equal(text("DateReceived"), "2023-11-14T22:13:20.000Z");
  assert.equal(text("MessageClass"), "IPM.Note");
  assert.equal(
    data.child(tagOf("Email2:ConversationId"))?.content.toString("hex"),
    "000000000000000000000000000000a1",
  );
  assert.equal(data.child(tagOf("Email2:ConversationIndex"))?.content.length, 5);
});

test("Email: the native form wins, others are converted, nothing that runs is sent", async () => {
  const plain = body(await show(ALTERNATIVE, wants(preference(1))));
  assert.deepEqual([plain.type, plain.text], ["1", "plain gr\u00fc\u00dfe"]);
  const html = body(await show(ALTERNATIVE, wants(preference(1), preference(2))));
  assert.equal(html.type, "2");
  assert.match(html.text, /html <b>gr\u00fc\u00dfe<\/b>/);
  assert.doesNotMatch(html.text, /script|onclick|bad\(/);
  const converted = body(await show(`${HEAD}\r\na < b\r\nhttps://example.org/x.\r\n`, wants(preference(2))));
  assert.match(converted.text, /a &lt; b<br>\r\n<a href="https:\/\/example\.org\/x">/);
  const stripped = body(
    await show(
      `${HEAD}Content-Type: text/html; charset=utf-8\r\n\r\n<h1>Title</h1><p>a<br>b</p>`,
      wants(preference(1)),
    ),
  );
  assert.equal(stripped.text, "Title\r\n\r\na\r\nb");
});

test("Email: text is cut to the byte, never inside of a character", async () => {
  const text = "\u00e9".repeat(300);
  const mail = `${HEAD}Content-Type: text/plain; charset=utf-8\r\n\r\n${text}`;
  const cut = body(await show(mail, wants(preference(1, 101))));
  assert.deepEqual([cut.text, cut.size, cut.truncated], ["\u00e9".repeat(50), 600, true]);
  const whole = body(await show(mail, wants(preference(1, 600))));
  assert.deepEqual([whole.text, whole.truncated], [text, false]);
  const none = body(await show(mail, wants(preference(1, 0))));
  assert.deepEqual([none.text, none.size, none.truncated], ["", 600, true]);
});

test("Email: AllOrNone goes to the next preference, or sends nothing", async () => {
  const first = { ...preference(2, 5), allOrNone: true };
  assert.deepEqual(body(await show(ALTERNATIVE, wants(first, preference(1, 100)))).type, "1");
  const alone = body(await show(ALTERNATIVE, wants(first)));
  assert.deepEqual([alone.type, alone.text, alone.truncated], ["2", "", true]);
});

test("Email: MIME as MIMESupport allows; S/MIME is untouched", async () => {
  const mime = preference(4, 20);
  assert.equal(body(await show(ALTERNATIVE, wants(mime, preference(1)))).type, "1");
  const cut = body(await show(ALTERNATIVE, { ...wants(mime, preference(1)), mimeSupport: 2 }));
  assert.deepEqual([cut.type, cut.text, cut.truncated], ["4", ALTERNATIVE.slice(0, 20), true]);
  const signed =
    `${HEAD}Content-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary=s\r\n\r\n` +
    "--s\r\n\r\nsigned text\r\n--s\r\nContent-Type: application/pkcs7-signature; name=smime.p7s\r\n" +
    "Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--s--\r\n";
  const data = await show(signed, { ...wants(preference(4)), mimeSupport: 1 });
  assert.equal(body(data).text, signed);
  assert.equal(data.textOf(tagOf("Email:MessageClass")), "IPM.Note.SMIME.MultipartSigned");
});

test("Email: MIME that is no UTF-8 is encoded anew and says the same", async () => {
  const mail = Buffer.from(
    `${HEAD}Content-Type: text/plain; charset=iso-8859-1\r\n\r\ngr\u00fc\u00dfe`,
    "latin1",
  );
  const { text } = body(await show(mail, { ...wants(preference(4)), mimeSupport: 2 }));
  assert.match(text, /Content-Transfer-Encoding: base64\r\n\r\nZ3L832U=/);
});

test("Email: attachments, pictures in the text, attached mail and what is attached to it (OP-82)", async () => {
  const inner = `${HEAD}Content-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\ninner\r\n--i\r\nContent-Type: text/csv; name=deep.csv\r\n\r\n1,2\r\n--i--\r\n`;
  const mail =
    `${HEAD}Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\nContent-Type: multipart/related; boundary=r\r\n\r\n` +
    '--r\r\nContent-Type: text/html\r\n\r\n<img src="cid:pic@x">\r\n--r\r\nContent-Type: image/png\r\nContent-ID: <pic@x>\r\n' +
    "Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--r--\r\n--m\r\nContent-Type: application/pdf\r\n" +
    "Content-Disposition: attachment; filename*=utf-8''%C3%A9t%C3%A9.pdf\r\n\r\nPDF\r\n" +
    `--m\r\nContent-Type: message/rfc822\r\n\r\n${inner}\r\n--m--\r\n`;
  const data = await show(mail, wants(preference(2)));
  const list = data.child(tagOf("AirSyncBase:Attachments"))?.children ?? [];
  const rows = list.map((one) =>
    ["DisplayName", "FileReference", "Method", "ContentId", "IsInline"].map(
      (name) => one.textOf(tagOf(`AirSyncBase:${name}`)) ?? "",
    ),
  );
  assert.deepEqual(rows, [
    ["attachment 1.png", "5:1:1.2", "1", "pic@x", "1"],
    ["\u00e9t\u00e9.pdf", "5:1:2", "1", "", ""],
    ["message 3.eml", "5:1:3", "5", "", ""],
    ["deep.csv", "5:1:3.1.2", "1", "", ""],
  ]);
  assert.match(body(data).text, /<img src="cid:pic@x" \/>/);
});

test("Email: BodyPart is what its author wrote, cut as asked; all or none has its status", async () => {
  const mail = `${HEAD}Content-Type: text/html\r\n\r\n<p>an answer</p><blockquote type="cite">old</blockquote>`;
  const partOf = async (truncation: number | undefined, allOrNone: boolean): Promise<Element> => {
    const wish = { ...preference(2, truncation), allOrNone };
    const data = await show(mail, { ...wants(preference(1)), bodyPartPreferences: [wish] });
    return data.child(tagOf("AirSyncBase:BodyPart"))!;
  };
  const text = (part: Element): (string | undefined)[] =>
    ["Status", "Truncated", "Data"].map((name) => part.textOf(tagOf(`AirSyncBase:${name}`)));
  assert.deepEqual(text(await partOf(undefined, true)), ["1", undefined, "<p>an answer</p>"]);
  assert.deepEqual(text(await partOf(5, false)), ["1", "1", "<p>an"]);
  assert.deepEqual(text(await partOf(5, true)), ["176", "1", undefined]);
});

test("Email: versions get the elements they know", async () => {
  const has = (data: Element, name: string): boolean => data.child(tagOf(name)) !== undefined;
  for (const version of PROTOCOL_VERSIONS) {
    const options = wants({ ...preference(1), previewCharacters: 50 });
    const data = await show(`${HEAD}\r\nhello`, options, version, {
      systemFlags: SystemFlag.answered | SystemFlag.flagged,
      keywords: ["$Forwarded", "Blue=20Category"],
    });
    assert.equal(has(data, "Email2:ConversationId"), version >= 140, `${version}`);
    assert.equal(has(data, "Email:Categories"), version >= 140);
    assert.equal(has(data, "Email2:IsDraft"), version >= 160);
    assert.equal(has(data.child(tagOf("AirSyncBase:Body"))!, "AirSyncBase:Preview"), version >= 140);
    assert.equal(data.child(tagOf("Email:Flag"))?.textOf(tagOf("Email:Status")), "2");
    if (version < 140) continue;
    assert.equal(data.textOf(tagOf("Email2:LastVerbExecuted")), "1");
    assert.equal(data.child(tagOf("Email:Categories"))?.textOf(tagOf("Email:Category")), "Blue Category");
  }
});

test("Email: charsets of the world", async () => {
  const samples: [string, string, string][] = [
    ["iso-2022-jp", "GyRCRnxLXDhsGyhC", "\u65e5\u672c\u8a9e"],
    ["gb2312", "1tDOxA==", "\u4e2d\u6587"],
    ["big5", "pKSk5Q==", "\u4e2d\u6587"],
    ["euc-kr", "x9Gx2w==", "\ud55c\uae00"],
    ["koi8-r", "8NLJ18XU", "\u041f\u0440\u0438\u0432\u0435\u0442"],
    ["windows-1256", "09HI7cc=", "\u0633\u0631\u0628\u064a\u0627"],
    ["utf-7", "K0FPay0=", "\u00e9"],
    ["iso-8859-8-i", "+ezl7Q==", "\u05e9\u05dc\u05d5\u05dd"],
    ["iso-2022-kr", "GyQpQw5HUTFbDw==", "\ud55c\uae00"],
    ["hz-gb-2312", "fntWUE5Efn1+fg==", "\u4e2d\u6587~"],
    ["no-such-charset", "w6k=", "\u00e9"],
  ];
  for (const [charset, base64, expected] of samples) {
    const mail = `${HEAD}Content-Type: text/plain; charset=${charset}\r\nContent-Transfer-Encoding: base64\r\n\r\n${base64}\r\n`;
    assert.equal(body(await show(mail, wants(preference(1)))).text, expected, charset);
  }
});

const corpus = process.env.ROOKERY_CORPUS;
test(
  "Email: every mail of the corpus in every form, valid and in bounded time",
  { skip: corpus === undefined ? "ROOKERY_CORPUS is not set" : false },
  async () => {
    const folder = join(corpus!, "eml");
    for (const name of readdirSync(folder)) {
      const bytes = readFileSync(join(folder, name));
      for (const version of [121, 161] as const) {
        for (const type of [1, 2, 3, 4]) {
          for (const truncation of [undefined, 0, 1, 33, 512]) {
            const options = { ...wants(preference(type, truncation)), mimeSupport: 2 };
            const data = await show(
              bytes,
              { ...options, bodyPartPreferences: [preference(2, 100)] },
              version,
            );
            const { text } = body(data);
            assert.ok(truncation === undefined || Buffer.byteLength(text) <= truncation, name);
            assert.doesNotMatch(text, /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/, name);
          }
        }
      }
    }
    assert.equal(emailClass.converter.fallbacks, 0);
  },
);

test("Email: MAIL.DATA has the decoded mail at trace, and nothing above it (S2.68)", async () => {
  const lines: Record<string, unknown>[] = [];
  const logs = new Logs({
    level: "debug",
    format: "json",
    destination: (line) => lines.push(JSON.parse(line) as Record<string, unknown>),
  });
  const logged = new EmailClass({
    clock: systemClock,
    random: systemRandom,
    mailData: logs.named("MAIL.DATA"),
  });
  const mail =
    "Subject: =?utf-8?Q?gr=C3=BC=C3=9Fe?=\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n";
  const item = mailItem(Buffer.from(mail));
  await logged.prepare(item, itemContext(141));
  assert.deepEqual(lines, []);
  logs.setLevel("trace", "MAIL.DATA");
  await logged.prepare(item, itemContext(141, wants(preference(1))));
  const [line] = lines;
  assert.equal(line?.["item"], "5:1");
  assert.match(String(line?.["event"]), /<Email:Subject>gr\u00fc\u00dfe<[^]*<AirSyncBase:Data>hello/);
  await logged.close();
});
