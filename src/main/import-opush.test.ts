import assert from "node:assert/strict";
import { test } from "node:test";
import { stringify } from "yaml";
import { loadConfig } from "../config/load.ts";
import { importOpush } from "./import-opush.ts";
import { optionGroups } from "./option-groups.ts";

const known = new Set(
  optionGroups.flatMap(({ name, options }) => Object.keys(options).map((key) => `${name}.${key}`)),
);

const files = new Map([
  [
    "opush.ini",
    `[global]\nexternal-url = "obm.example.com"\ndbtype=PGSQL\npassword=hush\nwindow-size=25\nwindow-size.max=100\ntransaction-timeout=1\n`,
  ],
  [
    "ldap_conf.ini",
    "search.ldap.filter=(&(objectClass=inetOrgPerson)(mail=%q*))\nsearch.ldap.url=ldap.example.com\nsearch.ldap.basedn=dc=%d,dc=local\n# search.ldap.limit=100\nsearch.ldap.limit=30\n",
  ],
  [
    "mail_conf.ini",
    String.raw`imap.mailbox.sent=Envoy\u00e9s` +
      "\nimap.activateTLS=true\nimap.timeoutInMs=5000\nmessage.maxSize=10485760\nimap.loginWithDomain=maybe\n",
  ],
  ["sync_perms.ini", "allow.unknown.pda=false\nblacklist.users=alice@example.com, bob@example.com\n"],
  [
    "policy.ini",
    "devicePasswordEnabled=true\nmaxInactivityTimeDeviceLock=600\nallowWiFi=false\ndevicePasswordExpiration=false\npasswordRecoveryEnabled=true\nallowPOPIMAPEmail=true\nrequireSignedSMIMEMessages=true\n",
  ],
  ["dsn.ini", "receipt.delivery=false\nreceipt.read=true\n"],
  ["read_receipt.mustache", "Read by {{address}}\n"],
  ["cassandra.ini", "cassandra.seeds=a,b\n"],
  ["logback.xml", "<included/>"],
]);

test("importOpush: settings that the program takes", () => {
  const { settings } = importOpush(files, known);
  assert.deepEqual(settings["activesync"], {
    external_url: "https://obm.example.com",
    window_size: 25,
    max_window_size: 100,
    max_request: "10485760B",
    unknown_devices: "quarantine",
    blocked_users: ["alice@example.com", "bob@example.com"],
  });
  assert.deepEqual(settings["people"], {
    filter: "(&(objectClass=inetOrgPerson)(mail=%q*))",
    url: "ldap://ldap.example.com",
    base: "dc=%d,dc=local",
    limit: 30,
  });
  assert.deepEqual(settings["gateway"], {
    sent: "Envoyés",
    imap_tls: "starttls",
    timeout: "5000ms",
    accounts: "remote",
  });
  assert.deepEqual(settings["policy"], {
    device_password_enabled: true,
    max_inactivity_time_device_lock: "600s",
    allow_wifi: false,
    device_password_expiration: 0,
    allow_pop_imap_email: true,
    require_signed_smime_messages: true,
  });
  assert.deepEqual(settings["receipts"], {
    delivery: false,
    read: true,
    read_text: "Read by {{address}}\n",
  });
  const file = { path: "rookery.yaml", text: stringify(settings) };
  assert.doesNotThrow(() => loadConfig(optionGroups, { file, folder: "/", readText: () => "" }));
});

test("importOpush: what has no counterpart is named, and no value of a secret", () => {
  const { notes } = importOpush(files, known);
  const all = notes.join("\n");
  for (const wanted of [
    /opush\.ini: "dbtype" has no counterpart: users are kept in Rookery's directory/,
    /opush\.ini: "transaction-timeout" has no counterpart/,
    /mail_conf\.ini: "imap\.loginWithDomain" has the value "maybe", which is not understood/,
    /policy\.ini: "passwordRecoveryEnabled" has no counterpart/,
    /cassandra\.ini: "cassandra\.seeds" has no counterpart/,
    /logback\.xml: not read/,
    /gateway\.imap, gateway\.smtp: name your servers/,
  ]) {
    assert.match(all, wanted);
  }
  assert.doesNotMatch(all, /hush/);
});

test("importOpush: every rule of policies leads to an option", () => {
  const everything = new Map([
    [
      "policy.ini",
      "alphaNumericDevicePasswordRequired=true\nattachmentsEnabled=true\nminDevicePasswordLength=4\nmaxDevicePasswordFailedAttempts=8\nmaxAttachmentSize=1\nallowSimpleDevicePassword=true\ndevicePasswordHistory=1\nallowStorageCard=true\nallowCamera=true\nrequireStorageCardEncryption=true\nrequireDeviceEncryption=true\nallowUnsignedApplications=true\nallowUnsignedInstallationPackages=true\nminDevicePasswordComplexCharacters=3\nallowTextMessaging=true\nallowBluetooth=2\nallowIrDA=true\nrequireManualSyncWhenRoaming=true\nallowDesktopSync=true\nmaxCalendarAgeFilter=0\nallowHTMLEmail=true\nmaxEmailAgeFilter=0\nmaxEmailBodyTruncationSize=-1\nmaxEmailHTMLBodyTruncationSize=-1\nrequireEncryptedSMIMEMessages=true\nrequireSignedSMIMEAlgorithm=false\nrequireEncryptionSMIMEAlgorithm=false\nallowSMIMEEncryptionAlgorithmNegotiation=2\nallowSMIMESoftCerts=true\nallowBrowser=true\nallowConsumerEmail=true\nallowRemoteDesktop=true\nallowInternetSharing=true\n",
    ],
  ]);
  const { notes, settings } = importOpush(everything, known);
  assert.deepEqual(notes, []);
  const file = { path: "rookery.yaml", text: stringify(settings) };
  assert.doesNotThrow(() => loadConfig(optionGroups, { file, folder: "/", readText: () => "" }));
});
