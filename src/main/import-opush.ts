/**
 * Opush's configuration as Rookery's: opush.ini, ldap_conf.ini, mail_conf.ini, sync_perms.ini, dsn.ini, policy.ini (S2.16–
 * S2.31, S2.53–S2.58). What has no counterpart is named, with what to do instead where there is something.
 */
export interface OpushImport {
  /** Group → option → value, as an operator would write it. */
  readonly settings: Readonly<
    Record<string, Readonly<Record<string, string | number | boolean | readonly string[]>>>
  >;
  /** One line each. */
  readonly notes: readonly string[];
}

type Value = string | number | boolean | readonly string[];
/** Where a key goes, or why it goes nowhere. */
type Rule =
  | { readonly to: `${string}.${string}`; readonly read: (text: string) => Value | undefined }
  | { readonly dropped: string };

const text = (value: string): Value => value;
const whole = (value: string): Value | undefined => (/^-?\d+$/.test(value) ? Number(value) : undefined);
const truth = (value: string): boolean | undefined =>
  /^(true|1|yes)$/i.test(value) ? true : /^(false|0|no)$/i.test(value) ? false : undefined;
/** `false` where Opush means none. */
const wholeOrNone = (value: string): Value | undefined => (truth(value) === false ? 0 : whole(value));
const milliseconds = (value: string): Value | undefined => (/^\d+$/.test(value) ? `${value}ms` : undefined);
const seconds = (value: string): Value | undefined => (/^\d+$/.test(value) ? `${value}s` : undefined);
const bytes = (value: string): Value | undefined => (/^\d+$/.test(value) ? `${value}B` : undefined);
const list = (value: string): Value =>
  value
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");

const OBM_DATABASE =
  "users are kept in Rookery's directory or in LDAP (directory.backend), not in OBM's database";
const CASSANDRA = "what devices know is kept in SQLite, or in PostgreSQL with activesync.database";

const RULES: Readonly<Record<string, Readonly<Record<string, Rule>>>> = {
  "opush.ini": {
    "external-url": {
      to: "activesync.external_url",
      read: (value) => (/^https?:\/\//.test(value) ? value : `https://${value}`),
    },
    "window-size": { to: "activesync.window_size", read: whole },
    "window-size.max": { to: "activesync.max_window_size", read: whole },
    host: { dropped: OBM_DATABASE },
    dbtype: { dropped: OBM_DATABASE },
    db: { dropped: OBM_DATABASE },
    user: { dropped: OBM_DATABASE },
    password: { dropped: OBM_DATABASE },
    "transaction-timeout": { dropped: "statements have a fixed bound of a minute" },
    "transaction-timeout-unit": { dropped: "statements have a fixed bound of a minute" },
  },
  "ldap_conf.ini": {
    "search.ldap.url": {
      to: "people.url",
      // Opush takes a host alone for ldap://.
      read: (value) => (/^ldaps?:\/\//.test(value) ? value : `ldap://${value}`),
    },
    "search.ldap.filter": { to: "people.filter", read: text },
    "search.ldap.basedn": { to: "people.base", read: text },
    "search.ldap.limit": { to: "people.limit", read: whole },
  },
  "mail_conf.ini": {
    "imap.mailbox.draft": { to: "gateway.drafts", read: unescapeProperties },
    "imap.mailbox.sent": { to: "gateway.sent", read: unescapeProperties },
    "imap.mailbox.trash": { to: "gateway.trash", read: unescapeProperties },
    "imap.activateTLS": {
      to: "gateway.imap_tls",
      read: (value) => ({ true: "starttls", false: "off" })[String(truth(value))],
    },
    "imap.loginWithDomain": { to: "gateway.login_with_domain", read: truth },
    "imap.timeoutInMs": { to: "gateway.timeout", read: milliseconds },
    "message.maxSize": { to: "activesync.max_request", read: bytes },
    "imap.expungePolicy": { dropped: "deleted messages are always expunged" },
  },
  "sync_perms.ini": {
    "allow.unknown.pda": {
      to: "activesync.unknown_devices",
      read: (value) => ({ true: "allow", false: "quarantine" })[String(truth(value))],
    },
    "blacklist.users": { to: "activesync.blocked_users", read: list },
  },
  "dsn.ini": {
    "receipt.delivery": { to: "receipts.delivery", read: truth },
    "receipt.read": { to: "receipts.read", read: truth },
  },
  "remote_console.ini": {
    "console.enable": { dropped: "administration is by the command line over the admin socket" },
    "console.ssh.port": { dropped: "administration is by the command line over the admin socket" },
    "console.authentication.domain": {
      dropped: "administration is by the command line over the admin socket",
    },
  },
  "cassandra.ini": {
    "cassandra.seeds": { dropped: CASSANDRA },
    "cassandra.keyspace": { dropped: CASSANDRA },
    "cassandra.user": { dropped: CASSANDRA },
    "cassandra.password": { dropped: CASSANDRA },
    "cassandra.retry-policy": {
      dropped: "failed statements are always tried again, a bounded number of times",
    },
    "cassandra.max-retries": { dropped: "failed statements are tried again three times" },
  },
  "policy.ini": policyRules(),
};

/** Files that are one option, S2.58. */
const TEMPLATES: Readonly<Record<string, string>> = {
  "delivery_receipt.mustache": "delivery_text",
  "read_receipt.mustache": "read_text",
};

/** `allowPOPIMAPEmail` → `policy.allow_pop_imap_email`. */
function policyRules(): Record<string, Rule> {
  const truths =
    "devicePasswordEnabled attachmentsEnabled allowSimpleDevicePassword allowStorageCard allowCamera requireStorageCardEncryption requireDeviceEncryption allowUnsignedApplications allowUnsignedInstallationPackages allowTextMessaging requireManualSyncWhenRoaming allowDesktopSync allowBrowser allowConsumerEmail allowRemoteDesktop allowInternetSharing";
  const wholes =
    "minDevicePasswordLength maxDevicePasswordFailedAttempts maxAttachmentSize devicePasswordExpiration devicePasswordHistory minDevicePasswordComplexCharacters allowBluetooth maxCalendarAgeFilter maxEmailAgeFilter maxEmailBodyTruncationSize";
  const rules: Record<string, Rule> = {};
  for (const key of truths.split(" ")) rules[key] = { to: `policy.${snake(key)}`, read: truth };
  for (const key of wholes.split(" ")) rules[key] = { to: `policy.${snake(key)}`, read: wholeOrNone };
  return {
    ...rules,
    alphaNumericDevicePasswordRequired: { to: "policy.alphanumeric_device_password_required", read: truth },
    allowWiFi: { to: "policy.allow_wifi", read: truth },
    allowPOPIMAPEmail: { to: "policy.allow_pop_imap_email", read: truth },
    allowIrDA: { to: "policy.allow_irda", read: truth },
    allowHTMLEmail: { to: "policy.allow_html_email", read: truth },
    maxEmailHTMLBodyTruncationSize: { to: "policy.max_email_html_body_truncation_size", read: wholeOrNone },
    requireSignedSMIMEMessages: { to: "policy.require_signed_smime_messages", read: truth },
    requireEncryptedSMIMEMessages: { to: "policy.require_encrypted_smime_messages", read: truth },
    requireSignedSMIMEAlgorithm: { to: "policy.require_signed_smime_algorithm", read: wholeOrNone },
    requireEncryptionSMIMEAlgorithm: { to: "policy.require_encryption_smime_algorithm", read: wholeOrNone },
    allowSMIMEEncryptionAlgorithmNegotiation: {
      to: "policy.allow_smime_encryption_algorithm_negotiation",
      read: wholeOrNone,
    },
    allowSMIMESoftCerts: { to: "policy.allow_smime_soft_certs", read: truth },
    maxInactivityTimeDeviceLock: { to: "policy.max_inactivity_time_device_lock", read: seconds },
    // The name that 12.0 has for it.
    deviceEncryptionEnabled: {
      dropped: "say requireStorageCardEncryption (policy.require_storage_card_encryption)",
    },
    passwordRecoveryEnabled: { dropped: "recovery passwords are not kept on the server" },
  };
}

function snake(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** @param files name → content @param known every option of the program, `group.option` */
export function importOpush(files: ReadonlyMap<string, string>, known: ReadonlySet<string>): OpushImport {
  const settings: Record<string, Record<string, Value>> = {};
  const notes: string[] = [];
  for (const [file, content] of files) {
    const template = TEMPLATES[file];
    if (template !== undefined) {
      (settings["receipts"] ??= {})[template] = content;
      continue;
    }
    const rules = RULES[file];
    if (rules === undefined) {
      notes.push(`${file}: not read, this file has no counterpart`);
      continue;
    }
    for (const [key, value] of parseIni(content)) {
      const rule = rules[key];
      if (rule === undefined) notes.push(`${file}: "${key}" has no counterpart`);
      else if ("dropped" in rule) notes.push(`${file}: "${key}" has no counterpart: ${rule.dropped}`);
      else if (value === "") continue;
      else {
        const read = rule.read(value);
        const [group = "", option = ""] = rule.to.split(".");
        if (read === undefined)
          notes.push(`${file}: "${key}" has the value "${value}", which is not understood`);
        else if (!known.has(rule.to)) notes.push(`${file}: "${key}" has no counterpart`);
        else (settings[group] ??= {})[option] = read;
      }
    }
  }
  if (files.has("mail_conf.ini")) {
    (settings["gateway"] ??= {})["accounts"] = "remote";
    notes.push("gateway.imap, gateway.smtp: name your servers there; Opush asked OBM's locator for them");
  }
  return { settings, notes };
}

/** Java properties, as Opush reads its .ini files: comments with # or !, sections are passed over. */
function parseIni(content: string): [key: string, value: string][] {
  return content.split(/\r?\n/).flatMap((line): [string, string][] => {
    if (/^\s*([#!;[]|$)/.test(line)) return [];
    const found = /^\s*([^=:\s]+)\s*[=:]\s*(.*?)\s*$/.exec(line);
    return found?.[1] === undefined ? [] : [[found[1], unquote(found[2] ?? "")]];
  });
}

function unquote(value: string): string {
  return /^"(.*)"$/.exec(value)?.[1] ?? value;
}

/** S2.54: folder names in native2ascii's form, `\u00e9`. */
function unescapeProperties(value: string): Value {
  return value.replaceAll(/\\u([0-9a-fA-F]{4})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
