/** What real mailboxes hold beside good mail; with ROOKERY_CORPUS also real spam, lists and broken mailers. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const MAX_CORPUS_FILES = 60;

/** Lines end in CRLF and there is no NUL: every server takes them. */
export function oddMail(): Buffer[] {
  const long = "y".repeat(100_000);
  return [
    ...corpusMail(),
    Buffer.from(
      "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y",
    ),
    Buffer.from("no header at all"),
    Buffer.from("Subject: =?utf-8?q?=ff=fe?= \xe4\r\n\r\n\xff\xfe", "latin1"),
    Buffer.from(`Subject: long\r\n\r\n${long}\r\n`),
    Buffer.from("Message-ID: <twice@test>\r\nSubject: twice\r\n\r\nThe same.\r\n"),
    Buffer.from("Message-ID: <twice@test>\r\nSubject: twice\r\n\r\nThe same.\r\n"),
    Buffer.from("\r\n"),
  ];
}

function corpusMail(): Buffer[] {
  const corpus = process.env["ROOKERY_CORPUS"];
  if (corpus === undefined) return [];
  const folder = join(corpus, "eml");
  return readdirSync(folder)
    .slice(0, MAX_CORPUS_FILES)
    .map((name) => withNetworkLines(readFileSync(join(folder, name))))
    .filter(({ length }) => length > 0);
}

function withNetworkLines(bytes: Buffer): Buffer {
  const text = bytes.toString("latin1").replaceAll("\0", "");
  return Buffer.from(text.replaceAll(/\r?\n|\r/g, "\r\n"), "latin1");
}
