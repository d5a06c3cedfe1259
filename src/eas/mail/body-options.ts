/** What a device wants to get of a body: MS-ASAIRS §2.2.2.12 (BodyPreference), MS-ASCMD §2.2.3.110 (MIMESupport). */
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import type { Element } from "../element.ts";
import type { BodyOptions, BodyPreference } from "../item-class.ts";
import type { ProtocolVersion } from "../version.ts";

const BODY_PREFERENCE = tagOf("AirSyncBase:BodyPreference");
const BODY_PART_PREFERENCE = tagOf("AirSyncBase:BodyPartPreference");
const TYPE = tagOf("AirSyncBase:Type");
const TRUNCATION_SIZE = tagOf("AirSyncBase:TruncationSize");
const ALL_OR_NONE = tagOf("AirSyncBase:AllOrNone");
const PREVIEW = tagOf("AirSyncBase:Preview");
const MIME_SUPPORT = tagOf("AirSync:MIMESupport");
const MIME_TRUNCATION = tagOf("AirSync:MIMETruncation");

/** More preferences than there are types say nothing. */
const MAX_PREFERENCES = 8;
/** MS-ASAIRS §2.2.2.33.2. */
const MAX_PREVIEW_CHARACTERS = 255;
/** MS-ASCMD §2.2.3.111, by the value of the element; 8 = all. */
const MIME_TRUNCATION_BYTES = [0, 4096, 5120, 7168, 10_240, 20_480, 51_200, 102_400];

export const DEFAULT_BODY_OPTIONS: BodyOptions = {
  bodyPreferences: [],
  bodyPartPreferences: [],
  mimeSupport: 0,
  mimeTruncationBytes: undefined,
};

export function readBodyOptions(options: Element | undefined, version: ProtocolVersion): BodyOptions {
  if (options === undefined) return DEFAULT_BODY_OPTIONS;
  const preferences = (tag: number): BodyPreference[] =>
    options
      .all(tag)
      .slice(0, MAX_PREFERENCES)
      .map((element) => readPreference(element, version));
  const mimeSupport = options.numberOf(MIME_SUPPORT) ?? 0;
  const truncation = options.numberOf(MIME_TRUNCATION);
  return {
    bodyPreferences: preferences(BODY_PREFERENCE),
    bodyPartPreferences: version >= 141 ? preferences(BODY_PART_PREFERENCE) : [],
    mimeSupport: mimeSupport === 1 || mimeSupport === 2 ? mimeSupport : 0,
    mimeTruncationBytes: truncation === undefined ? undefined : MIME_TRUNCATION_BYTES[truncation],
  };
}

function readPreference(element: Element, version: ProtocolVersion): BodyPreference {
  const truncation = element.numberOf(TRUNCATION_SIZE);
  const preview = version >= 140 ? (element.numberOf(PREVIEW) ?? 0) : 0;
  return {
    type: element.numberOf(TYPE) ?? 1,
    truncationBytes: truncation === undefined || truncation < 0 ? undefined : truncation,
    allOrNone: element.flagOf(ALL_OR_NONE, false),
    previewCharacters: Math.max(0, Math.min(preview, MAX_PREVIEW_CHARACTERS)),
  };
}
