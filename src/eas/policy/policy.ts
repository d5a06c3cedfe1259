/** What a device is told of the policy, and the keys by which it is known which one a device has taken. */
import { createHash } from "node:crypto";
import type { Random } from "../../base/io/random.ts";
import { type Tag, tagOf } from "../../wire/wbxml/code-pages.ts";
import type { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import type { ProtocolVersion } from "../version.ts";
import type { PolicySettings } from "./options.ts";

type Setting = readonly [element: string, value: (settings: PolicySettings) => boolean | number | undefined];

const seconds = (ms: number): number => Math.round(ms / 1000);

/** 12.0: MS-ASPROV §2.2.2.28, in the order of its schema. */
const SETTINGS_120: readonly Setting[] = [
  ["DevicePasswordEnabled", (s) => s.devicePasswordEnabled],
  ["AlphanumericDevicePasswordRequired", (s) => s.alphanumericDevicePasswordRequired],
  // Recovery passwords are not kept: a password that the server never had cannot be stolen from it.
  ["PasswordRecoveryEnabled", () => false],
  ["RequireStorageCardEncryption", (s) => s.requireStorageCardEncryption],
  ["AttachmentsEnabled", (s) => s.attachmentsEnabled],
  ["MinDevicePasswordLength", (s) => s.minDevicePasswordLength],
  ["MaxInactivityTimeDeviceLock", (s) => seconds(s.maxInactivityTimeDeviceLockMs)],
  ["MaxDevicePasswordFailedAttempts", (s) => s.maxDevicePasswordFailedAttempts],
  ["MaxAttachmentSize", (s) => s.maxAttachmentSize],
  ["AllowSimpleDevicePassword", (s) => s.allowSimpleDevicePassword],
  ["DevicePasswordExpiration", (s) => s.devicePasswordExpiration],
  ["DevicePasswordHistory", (s) => s.devicePasswordHistory],
];
const SETTINGS_121: readonly Setting[] = [
  ...SETTINGS_120,
  ["AllowStorageCard", (s) => s.allowStorageCard],
  ["AllowCamera", (s) => s.allowCamera],
  ["RequireDeviceEncryption", (s) => s.requireDeviceEncryption],
  ["AllowUnsignedApplications", (s) => s.allowUnsignedApplications],
  ["AllowUnsignedInstallationPackages", (s) => s.allowUnsignedInstallationPackages],
  ["MinDevicePasswordComplexCharacters", (s) => s.minDevicePasswordComplexCharacters],
  ["AllowWiFi", (s) => s.allowWifi],
  ["AllowTextMessaging", (s) => s.allowTextMessaging],
  ["AllowPOPIMAPEmail", (s) => s.allowPopImapEmail],
  ["AllowBluetooth", (s) => s.allowBluetooth],
  ["AllowIrDA", (s) => s.allowIrda],
  ["RequireManualSyncWhenRoaming", (s) => s.requireManualSyncWhenRoaming],
  ["AllowDesktopSync", (s) => s.allowDesktopSync],
  ["MaxCalendarAgeFilter", (s) => s.maxCalendarAgeFilter],
  ["AllowHTMLEmail", (s) => s.allowHtmlEmail],
  ["MaxEmailAgeFilter", (s) => s.maxEmailAgeFilter],
  ["MaxEmailBodyTruncationSize", (s) => s.maxEmailBodyTruncationSize],
  ["MaxEmailHTMLBodyTruncationSize", (s) => s.maxEmailHtmlBodyTruncationSize],
  ["RequireSignedSMIMEMessages", (s) => s.requireSignedSmimeMessages],
  ["RequireEncryptedSMIMEMessages", (s) => s.requireEncryptedSmimeMessages],
  ["RequireSignedSMIMEAlgorithm", (s) => s.requireSignedSmimeAlgorithm],
  ["RequireEncryptionSMIMEAlgorithm", (s) => s.requireEncryptionSmimeAlgorithm],
  ["AllowSMIMEEncryptionAlgorithmNegotiation", (s) => s.allowSmimeEncryptionAlgorithmNegotiation],
  ["AllowSMIMESoftCerts", (s) => s.allowSmimeSoftCerts],
  ["AllowBrowser", (s) => s.allowBrowser],
  ["AllowConsumerEmail", (s) => s.allowConsumerEmail],
  ["AllowRemoteDesktop", (s) => s.allowRemoteDesktop],
  ["AllowInternetSharing", (s) => s.allowInternetSharing],
];

const DOCUMENT = tagOf("Provision:EASProvisionDoc");
const tags = new Map<string, Tag>(SETTINGS_121.map(([element]) => [element, tagOf(`Provision:${element}`)]));

export class Policy {
  readonly #settings: PolicySettings;
  /** Two bytes that change with the policy: the upper half of each key. */
  readonly #mark: number;

  constructor(settings: PolicySettings) {
    this.#settings = settings;
    const { required: _, ...rules } = settings;
    this.#mark = createHash("sha256").update(JSON.stringify(rules)).digest().readUInt16BE(0) | 1;
  }

  get required(): boolean {
    return this.#settings.required;
  }

  /** A key for a device that takes this policy: 31 bits, since some devices read a signed number. */
  makeKey(random: Random): number {
    return (this.#mark & 0x7fff) * 0x10000 + random.below(0x10000);
  }

  /** Was the key given out for the policy as it is now? So all gateways with one configuration agree. */
  isCurrent(key: number): boolean {
    return Math.floor(key / 0x10000) === (this.#mark & 0x7fff);
  }

  /** EASProvisionDoc. What is not set is left out. */
  write(writer: WbxmlWriter, version: ProtocolVersion): void {
    writer.start(DOCUMENT);
    for (const [element, read] of version < 121 ? SETTINGS_120 : SETTINGS_121) {
      const value = read(this.#settings);
      const tag = tags.get(element);
      if (value !== undefined && tag !== undefined) writer.text(tag, Number(value));
    }
    writer.end();
  }
}
