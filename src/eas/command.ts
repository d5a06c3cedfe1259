/** What a command gets and gives. One file a command in `commands/`, named as on the wire; `commands/table.ts` lists them. */
import type { Log } from "../base/log.ts";
import type { Account } from "./account/port.ts";
import type { Element } from "./element.ts";
import type { DeviceStates } from "./state/port.ts";
import type { ProtocolVersion } from "./version.ts";

export interface Command {
  /** As in the query string: `Sync`. */
  readonly name: string;
  run(request: EasRequest): Promise<EasAnswer>;
}

export interface EasRequest {
  readonly command: string;
  readonly version: ProtocolVersion;
  readonly device: RequestDevice;
  readonly account: Account;
  readonly states: DeviceStates;
  /** Root element; undefined when the body is empty or no WBXML (`message/rfc822` of 12.x). */
  readonly root: Element | undefined;
  readonly body: Buffer;
  /** Parameters of the query string by their MS-ASHTTP names (CollectionId, ItemId, AttachmentName, SaveInSent …). */
  readonly parameters: ReadonlyMap<string, string>;
  /** MS-ASAcceptMultiPart: T, or the option bit of the base64 query. */
  readonly acceptMultipart: boolean;
  /** Aborted when the client goes away, or when a newer Sync or Ping of the same device takes this one's place. */
  readonly signal: AbortSignal;
  /**
   * For Ping and a Sync with Wait: while `wait` is under way other requests of this device have their turn and the request
   * does not count as being worked on. It gets its turn back before this resolves. `wait` must end when `signal` is
   * aborted. @throws EasRefusal when too many requests are held
   */
  readonly hold: <T>(wait: () => Promise<T>) => Promise<T>;
  readonly log: Log;
  /** Counts what the request did, for the SUMMARY line (S2.71). */
  readonly summary: RequestSummary;
}

export interface RequestDevice {
  readonly userId: string;
  /** 1 to 32 letters and digits, as the client sent it. */
  readonly deviceId: string;
  readonly deviceType: string;
  readonly userAgent: string;
}

export interface RequestSummary {
  /** Added or changed, sent by the device. */
  inChange: number;
  inDelete: number;
  inFetch: number;
  outChange: number;
  outDelete: number;
  outFetch: number;
}

export type EasAnswer =
  | { readonly kind: "wbxml"; readonly bytes: Buffer }
  /** 200 with no body: a Sync without change, SendMail that went well. `delivered` hears that it was written whole. */
  | { readonly kind: "empty"; readonly delivered?: () => void }
  /** GetAttachment. */
  | { readonly kind: "bytes"; readonly contentType: string; readonly bytes: Buffer }
  /** MS-ASCMD §2.2.1.10.1: the WBXML part and the data parts that it numbers from 1. */
  | { readonly kind: "multipart"; readonly bytes: Buffer; readonly parts: readonly Buffer[] }
  /** An HTTP status where no WBXML can say it (MS-ASHTTP §2.2.3.2): 400, 403, 500, 501, 503, 507. */
  | {
      readonly kind: "http";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly text?: string;
    };
