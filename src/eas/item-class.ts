/**
 * What Sync, ItemOperations and Search know of a class of items (Email now; Calendar, Contacts, Tasks, Notes on the same
 * frame): reading its options, writing its ApplicationData, taking changes from the device.
 */
import type { Uid } from "../base/numbers.ts";
import type { WbxmlWriter } from "../wire/wbxml/writer.ts";
import type { Account, FailedItem, ItemState, MailCollection, MailItem } from "./account/port.ts";
import type { Element } from "./element.ts";
import type { ProtocolVersion } from "./version.ts";

export interface ItemClass {
  /** `Email`, as in the Class element. */
  readonly name: string;
  /**
   * Options of a collection (MS-ASCMD Options, MS-ASAIRS BodyPreference, MIMESupport, MIMETruncation …); undefined = the
   * defaults. Serializable with `JSON.stringify`, since they are remembered from one Sync to the next.
   */
  readOptions(options: Element | undefined, version: ProtocolVersion): BodyOptions;
  /**
   * Does the slow part (reading, decoding, HTML conversion) and answers a function that writes the children of
   * ApplicationData. Several may be under way at once. Rejects for a bad item, which is then quarantined.
   */
  prepare(item: MailItem, context: ItemContext): Promise<(writer: WbxmlWriter) => void>;
  /** The children of ApplicationData that a flag change touches: Read, Flag, Categories, verbs. */
  writeChange(writer: WbxmlWriter, state: ItemState, context: ItemContext): void;
  /** A Sync Change of the device. Status is that of MS-ASCMD Sync: 1, 6 (conversion), 8 (gone), 16 … */
  change(collection: MailCollection, uid: number, data: Element, context: ItemContext): Promise<DeviceChange>;
  /** A Sync Add of the device: drafts in 16.x; everything else is refused with status 6. */
  add(
    collection: MailCollection,
    data: Element,
    context: ItemContext,
    origin: ItemOrigin,
  ): Promise<DeviceChange>;
}

/** Where a new item comes from, so that one that was made just before a crash is found and not made again. */
export interface ItemOrigin {
  /** The device's own name for it: MS-ASCMD §2.2.3.28.2. */
  readonly clientId: string;
  /** The newest items that the device was not told of: among them is what an answer that was lost spoke of. */
  unknown(): Promise<readonly Uid[]>;
}

export interface ItemContext {
  readonly version: ProtocolVersion;
  readonly account: Account;
  readonly options: BodyOptions;
  /** CollectionId of the item's folder: in FileReferences and ids. */
  readonly collectionId: string;
  /** Of a command of the device: the same when it is repeated, since it heard no answer. */
  readonly onceKey?: string;
}

/** MS-ASAIRS §2.2.2. Type 1 plain, 2 HTML, 3 RTF, 4 MIME. */
export interface BodyOptions {
  readonly bodyPreferences: readonly BodyPreference[];
  readonly bodyPartPreferences: readonly BodyPreference[];
  /** 0 never, 1 only S/MIME, 2 always. */
  readonly mimeSupport: number;
  /** Bytes of MIME sent when no preference says so; undefined = all. */
  readonly mimeTruncationBytes: number | undefined;
}

export interface BodyPreference {
  readonly type: number;
  /** Bytes of UTF-8 text; undefined = no limit. */
  readonly truncationBytes: number | undefined;
  readonly allOrNone: boolean;
  /** Characters, 14.0 and later; 0 = none. */
  readonly previewCharacters: number;
}

export interface DeviceChange {
  readonly status: number;
  /** Of the item after an Add or a change that replaced it (drafts). */
  readonly uid: number | undefined;
  /** Modseq that the change got, so that it is not sent back; 0 = none. */
  readonly modseq: number;
  /** Children of ApplicationData in the response, 16.x. */
  readonly write?: (writer: WbxmlWriter) => void;
}

export type PreparedItem = { readonly item: MailItem; write(writer: WbxmlWriter): void } | FailedItem;
