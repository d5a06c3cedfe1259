/**
 * The thread that converts HTML: the libraries are good and slow (8 MB a second), and hostile input can make them slower
 * still, so they never run on the thread that serves.
 */
import { parentPort } from "node:worker_threads";
import { convert } from "html-to-text";
import sanitize from "sanitize-html";
import { assert } from "../../base/assert.ts";

export interface HtmlJob {
  readonly kind: "text" | "clean";
  readonly html: string;
}
export type HtmlAnswer = { readonly result: string } | { readonly failure: string };

const MAX_DEPTH = 100;
const MAX_CHILDREN = 20_000;

const port = parentPort;
assert(port !== null, "HTML worker started outside of a worker thread");
port.on("message", (job: HtmlJob) => {
  let answer: HtmlAnswer;
  try {
    answer = { result: job.kind === "text" ? toText(job.html) : clean(job.html) };
  } catch (error) {
    answer = { failure: error instanceof Error ? error.message : String(error) };
  }
  port.postMessage(answer);
});

function toText(html: string): string {
  const text = convert(html, {
    wordwrap: false,
    limits: { maxDepth: MAX_DEPTH, maxChildNodes: MAX_CHILDREN, ellipsis: "…" },
    selectors: [
      { selector: "img", format: "skip" },
      { selector: "a", options: { hideLinkHrefIfSameAsText: true, ignoreHref: false } },
      ...["h1", "h2", "h3", "h4", "h5", "h6"].map((selector) => ({
        selector,
        options: { uppercase: false },
      })),
      { selector: "style", format: "skip" },
      { selector: "title", format: "skip" },
    ],
  });
  return text.replace(/\n{3,}/g, "\n\n").replace(/\r?\n/g, "\r\n");
}

/** What runs or calls home by itself goes; what shows the mail as its author meant it stays. */
function clean(html: string): string {
  return sanitize(html, {
    allowedTags: [...sanitize.defaults.allowedTags, ...MORE_TAGS],
    // Devices show mail without scripts; without its style sheet a newsletter is not readable.
    allowVulnerableTags: true,
    allowedAttributes: {
      "*": ["style", "class", "id", "dir", "lang", "title", "align", "valign", "width", "height", "bgcolor"],
      a: ["href", "name", "target", "rel"],
      img: ["src", "alt", "border", "hspace", "vspace"],
      table: ["border", "cellpadding", "cellspacing", "background"],
      td: ["colspan", "rowspan", "nowrap", "background"],
      th: ["colspan", "rowspan", "nowrap", "background"],
      font: ["color", "face", "size"],
      body: ["text", "link", "vlink", "background"],
      ol: ["start", "type"],
      ul: ["type"],
      hr: ["size", "color", "noshade"],
      blockquote: ["cite", "type"],
    },
    allowedSchemes: ["http", "https", "mailto", "tel", "sms", "cid", "ftp"],
    allowedSchemesByTag: { img: ["http", "https", "cid", "data"] },
    allowProtocolRelative: true,
    parseStyleAttributes: false,
    nestingLimit: MAX_DEPTH,
  });
}

const MORE_TAGS = [
  "html",
  "body",
  "style",
  "img",
  "font",
  "center",
  "del",
  "ins",
  "big",
  "strike",
  "tt",
  "map",
  "area",
];
