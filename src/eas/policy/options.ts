import { boolean, duration, integerIn } from "../../config/kinds.ts";
import { option, optionGroup, type SettingsOf } from "../../config/option.ts";

/**
 * The settings of EASProvisionDoc (MS-ASPROV §2.2.2.28) under their own names. The defaults forbid nothing: a device that
 * is refused for a rule nobody asked for is a phone without mail.
 */
export const policyOptions = optionGroup("policy", "Rules that devices must keep (MS-ASPROV).", {
  required: option(boolean, "yes", "Whether a device must take the policy before it syncs."),
  device_password_enabled: option(boolean, "no", "The device must be locked with a password."),
  alphanumeric_device_password_required: option(boolean, "no", "The password must have letters and digits."),
  require_storage_card_encryption: option(boolean, "no", "Storage cards must be encrypted."),
  attachments_enabled: option(boolean, "yes", "Attachments may be downloaded."),
  min_device_password_length: option(integerIn(1, 16), 4, "Characters of a password at least."),
  max_inactivity_time_device_lock: option(duration, "15m", "Idle time after which the device locks."),
  max_device_password_failed_attempts: option(
    integerIn(4, 16),
    8,
    "Wrong passwords after which the device wipes itself.",
  ),
  max_attachment_size: option(
    integerIn(0, 2_147_483_647),
    undefined,
    "Largest attachment that is downloaded, in bytes.",
  ),
  allow_simple_device_password: option(boolean, "yes", "Passwords such as 1111 are good enough."),
  device_password_expiration: option(
    integerIn(0, 730),
    0,
    "Days after which the password must be changed, 0 = never.",
  ),
  device_password_history: option(integerIn(0, 50), 0, "Earlier passwords that cannot be used again."),
  allow_storage_card: option(boolean, "yes", "Storage cards may be used."),
  allow_camera: option(boolean, "yes", "The camera may be used."),
  require_device_encryption: option(boolean, "no", "The device must be encrypted."),
  allow_unsigned_applications: option(boolean, "yes", "Unsigned applications may run."),
  allow_unsigned_installation_packages: option(boolean, "yes", "Unsigned packages may be installed."),
  min_device_password_complex_characters: option(
    integerIn(1, 4),
    1,
    "Kinds of characters that an alphanumeric password must have.",
  ),
  allow_wifi: option(boolean, "yes", "Wireless networks may be used."),
  allow_text_messaging: option(boolean, "yes", "Text messages may be used."),
  allow_pop_imap_email: option(boolean, "yes", "POP3 and IMAP accounts may be set up."),
  allow_bluetooth: option(integerIn(0, 2), 2, "Bluetooth: 0 off, 1 hands-free only, 2 on."),
  allow_irda: option(boolean, "yes", "Infrared may be used."),
  require_manual_sync_when_roaming: option(boolean, "no", "No push in foreign networks."),
  allow_desktop_sync: option(boolean, "yes", "The device may sync with a computer."),
  max_calendar_age_filter: option(integerIn(0, 7), 0, "Oldest events that are synced (4 to 7), 0 = all."),
  allow_html_email: option(boolean, "yes", "HTML mail may be shown."),
  max_email_age_filter: option(
    integerIn(0, 5),
    0,
    "Oldest mail that is synced: 1 a day, 2 three days, 3 a week, 4 two weeks, 5 a month, 0 = all.",
  ),
  max_email_body_truncation_size: option(
    integerIn(-1, 2_147_483_647),
    -1,
    "Kilobytes of a plain text body at most, -1 = no limit.",
  ),
  max_email_html_body_truncation_size: option(
    integerIn(-1, 2_147_483_647),
    -1,
    "Kilobytes of an HTML body at most, -1 = no limit.",
  ),
  require_signed_smime_messages: option(boolean, "no", "Sent mail must be signed."),
  require_encrypted_smime_messages: option(boolean, "no", "Sent mail must be encrypted."),
  require_signed_smime_algorithm: option(integerIn(0, 1), 0, "Signing algorithm: 0 SHA-1, 1 MD5."),
  require_encryption_smime_algorithm: option(
    integerIn(0, 4),
    0,
    "Encryption algorithm: 0 TripleDES, 1 DES, 2 RC2 128, 3 RC2 64, 4 RC2 40.",
  ),
  allow_smime_encryption_algorithm_negotiation: option(
    integerIn(0, 2),
    2,
    "Other algorithms when a recipient cannot do it: 0 none, 1 strong ones, 2 any.",
  ),
  allow_smime_soft_certs: option(boolean, "yes", "Certificates in software may be used."),
  allow_browser: option(boolean, "yes", "The browser may be used."),
  allow_consumer_email: option(boolean, "yes", "Other mail accounts may be set up."),
  allow_remote_desktop: option(boolean, "yes", "Remote desktops may be used."),
  allow_internet_sharing: option(boolean, "yes", "The device may be a hotspot."),
});
export type PolicySettings = SettingsOf<typeof policyOptions>;
