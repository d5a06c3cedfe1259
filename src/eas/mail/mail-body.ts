/**
 * Which form of the body a device gets and how much of it: MS-ASAIRS §2.2.2.9, §2.2.2.12, §3.1.5.3.
 *
 * Type 4 (MIME) where MIMESupport allows it for this message; else the native form when it is among the preferences;
 * else the first preference that is a form we have. RTF (3) is never sent: no mail is written in it.
 */
import type { BodyOptions, BodyPreference } from "../item-class.ts";
import type { HtmlConverter } from "./html-converter.ts";
import type { Layout } from "./layout.ts";
import { htmlText, nativeBodyType, plainText, uniqueText } from "./mail-text.ts";
import type { MessageSource } from "./message-source.ts";
import { mimeAsUtf8 } from "./mime-body.ts";
import { cutUtf8, toXmlUtf8 } from "./utf8-body.ts";

export interface ShownBody {
  readonly type: 1 | 2 | 4;
  /** Bytes before any cut. */
  readonly sizeBytes: number;
  readonly truncated: boolean;
  /** UTF-8 without control characters. */
  readonly bytes: Buffer;
  /** "" = none asked for. */
  readonly preview: string;
}

export interface ShownPart extends ShownBody {
  /** All of it was wanted, or nothing. */
  readonly tooLarge: boolean;
}

const NO_BYTES = Buffer.alloc(0);
const ANY: BodyPreference = { type: 1, truncationBytes: undefined, allOrNone: false, previewCharacters: 0 };

export class MailBody {
  readonly #source: MessageSource;
  readonly #layout: Layout;
  readonly #converter: HtmlConverter;

  constructor(source: MessageSource, layout: Layout, converter: HtmlConverter) {
    this.#source = source;
    this.#layout = layout;
    this.#converter = converter;
  }

  async shown(options: BodyOptions): Promise<ShownBody> {
    const order = preferred(options, this.#layout);
    let last: ShownBody | undefined;
    for (const preference of order) {
      const body = await this.#inForm(preference);
      // MS-ASAIRS §2.2.2.1: all or none means that the next preference is looked at.
      if (!body.truncated || !preference.allOrNone) return body;
      last = { ...body, bytes: body.bytes.subarray(0, 0) };
    }
    return last!;
  }

  /** BodyPart (14.1) is HTML without what is quoted: MS-ASAIRS §2.2.2.10. */
  async part({ truncationBytes, allOrNone, previewCharacters }: BodyPreference): Promise<ShownPart> {
    const text = await uniqueText(this.#source, this.#layout, this.#converter);
    const { bytes, sizeBytes } = cutText(text, truncationBytes);
    const truncated = bytes.length < sizeBytes;
    const tooLarge = truncated && allOrNone;
    const preview = this.#preview(previewCharacters);
    return { type: 2, sizeBytes, truncated, bytes: tooLarge ? NO_BYTES : bytes, preview, tooLarge };
  }

  #preview(characters: number): string {
    return characters === 0 ? "" : cutCharacters(this.#source.item.summary.preview, characters);
  }

  async #inForm({ type, truncationBytes, previewCharacters }: BodyPreference): Promise<ShownBody> {
    const source = this.#source;
    const preview = this.#preview(previewCharacters);
    if (type === 4) {
      const { sizeBytes } = source.item;
      const wanted = Math.min(sizeBytes, truncationBytes ?? sizeBytes);
      // A few more, so that the cut is between characters.
      const raw = await source.read(0, Math.min(sizeBytes, wanted + 4));
      const whole = mimeAsUtf8(raw, source.item.summary.root);
      const bytes = truncationBytes === undefined ? whole : cutUtf8(whole, truncationBytes);
      const size = raw.length === sizeBytes ? whole.length : sizeBytes;
      return { type, sizeBytes: size, truncated: bytes.length < size, bytes, preview };
    }
    const text =
      type === 2
        ? await htmlText(source, this.#layout, this.#converter)
        : await plainText(source, this.#layout, this.#converter);
    const { bytes, sizeBytes } = cutText(text, truncationBytes);
    return { type: type === 2 ? 2 : 1, sizeBytes, truncated: bytes.length < sizeBytes, bytes, preview };
  }
}

/** Of a long text only the beginning is encoded: a character has at least one byte. */
function cutText(text: string, maxBytes: number | undefined): { bytes: Buffer; sizeBytes: number } {
  if (maxBytes === undefined || text.length <= maxBytes) {
    const whole = toXmlUtf8(text);
    return { bytes: maxBytes === undefined ? whole : cutUtf8(whole, maxBytes), sizeBytes: whole.length };
  }
  const bytes = cutUtf8(toXmlUtf8(text.slice(0, maxBytes)), maxBytes);
  return { bytes, sizeBytes: Buffer.byteLength(text) };
}

/** In the order in which they are tried; never empty. */
function preferred(options: BodyOptions, layout: Layout): readonly BodyPreference[] {
  const { bodyPreferences, mimeSupport, mimeTruncationBytes } = options;
  const mimeAllowed = mimeSupport === 2 || (mimeSupport === 1 && layout.smime !== "none");
  const mime = bodyPreferences.find(({ type }) => type === 4);
  const forms = bodyPreferences.filter(({ type }) => type === 1 || type === 2);
  if (mimeAllowed && (mime !== undefined || bodyPreferences.length === 0)) {
    return [mime ?? { ...ANY, type: 4, truncationBytes: mimeTruncationBytes }, ...forms];
  }
  const native = nativeBodyType(layout);
  if (forms.length === 0) {
    // Only MIME was asked for, without saying that it is supported: what else could it be?
    if (mime !== undefined) return [mime];
    const [rtf] = bodyPreferences;
    return [rtf === undefined ? ANY : { ...rtf, type: native }];
  }
  return [...forms.filter(({ type }) => type === native), ...forms.filter(({ type }) => type !== native)];
}

function cutCharacters(text: string, limit: number): string {
  return text.length <= limit ? text : Array.from(text).slice(0, limit).join("");
}
