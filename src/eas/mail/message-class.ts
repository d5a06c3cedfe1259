/** MessageClass, ContentClass and InternetCPID of a mail: MS-ASEMAIL §2.2.2.50, §2.2.2.21, §2.2.2.40. */
import { parameter } from "../../mime/parameters.ts";
import type { Layout } from "./layout.ts";
import type { MailPart } from "./part.ts";

const MAIL = "urn:content-classes:message";

export interface MailKind {
  readonly messageClass: string;
  readonly contentClass: string;
}

/** `method` of the iCalendar part in upper case and, of a REPLY, what was answered. */
export function mailKind(
  root: MailPart,
  layout: Layout,
  calendar: { readonly method: string; readonly answer: string } | undefined,
): MailKind {
  if (layout.smime === "opaque") return { messageClass: "IPM.Note.SMIME", contentClass: MAIL };
  if (layout.smime === "signed")
    return { messageClass: "IPM.Note.SMIME.MultipartSigned", contentClass: MAIL };
  if (calendar !== undefined) {
    const messageClass = meetingClass(calendar);
    if (messageClass !== undefined)
      return { messageClass, contentClass: "urn:content-classes:calendarmessage" };
  }
  const { node, contentType } = root;
  if (node.type === "multipart" && node.subtype === "report") {
    const kind = contentType && parameter(contentType.parameters, "report-type")?.toLowerCase();
    if (kind === "delivery-status") {
      return { messageClass: "REPORT.IPM.Note.NDR", contentClass: "urn:content-classes:dsn" };
    }
    if (kind === "disposition-notification") {
      return { messageClass: "REPORT.IPM.Note.IPNRN", contentClass: "urn:content-classes:mdn" };
    }
  }
  return { messageClass: "IPM.Note", contentClass: MAIL };
}

function meetingClass({ method, answer }: { method: string; answer: string }): string | undefined {
  switch (method) {
    case "REQUEST":
      return "IPM.Schedule.Meeting.Request";
    case "CANCEL":
      return "IPM.Schedule.Meeting.Canceled";
    case "REPLY":
      if (answer === "ACCEPTED") return "IPM.Schedule.Meeting.Resp.Pos";
      return answer === "DECLINED" ? "IPM.Schedule.Meeting.Resp.Neg" : "IPM.Schedule.Meeting.Resp.Tent";
    default:
      return undefined;
  }
}

const UTF8_CODE_PAGE = 65_001;
const CODE_PAGES = new Map<string, number>([
  ["us-ascii", 20_127],
  ["ascii", 20_127],
  ["utf-8", UTF8_CODE_PAGE],
  ["utf8", UTF8_CODE_PAGE],
  ["utf-7", 65_000],
  ["gb2312", 936],
  ["gbk", 936],
  ["hz-gb-2312", 52_936],
  ["gb18030", 54_936],
  ["big5", 950],
  ["big5-hkscs", 950],
  ["shift_jis", 932],
  ["windows-31j", 932],
  ["iso-2022-jp", 50_220],
  ["euc-jp", 51_932],
  ["euc-kr", 51_949],
  ["ks_c_5601-1987", 949],
  ["cp949", 949],
  ["iso-2022-kr", 50_225],
  ["koi8-r", 20_866],
  ["koi8-u", 21_866],
  ["tis-620", 874],
  ["macintosh", 10_000],
]);

/** Code page of the text as it was sent (what we send is UTF-8 always). */
export function codePageOf(charset: string): number {
  const known = CODE_PAGES.get(charset);
  if (known !== undefined) return known;
  const windows = /^(?:windows-|cp|x-cp)(874|125[0-8]|437|850|852|855|866)$/.exec(charset);
  if (windows !== null) return Number(windows[1]);
  const latin = /^iso-8859-(\d{1,2})(?:-[ie])?$/.exec(charset);
  if (latin !== null) return 28_590 + Number(latin[1]);
  return UTF8_CODE_PAGE;
}
