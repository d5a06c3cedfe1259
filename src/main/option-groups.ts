import { logOptions } from "../config/log-options.ts";
import type { OptionGroup } from "../config/option.ts";
import { deliveryOptions } from "../delivery/options.ts";
import { sieveOptions } from "../delivery/sieve-options.ts";
import { ldapOptions } from "../directory/ldap/ldap-options.ts";
import { oauthOptions } from "../directory/oauth-options.ts";
import { directoryOptions } from "../directory/options.ts";
import { peopleOptions } from "../directory/people/people-options.ts";
import { gatewayOptions } from "../eas/account/remote/options.ts";
import { receiptOptions } from "../eas/mail/receipts/options.ts";
import { easOptions } from "../eas/options.ts";
import { policyOptions } from "../eas/policy/options.ts";
import { imapOptions } from "../imap/options.ts";
import { lmtpOptions } from "../lmtp/options.ts";
import { pop3Options } from "../pop3/options.ts";
import { managesieveOptions } from "../managesieve/options.ts";
import { replicationOptions } from "../sync/replication/options.ts";
import { syncOptions } from "../sync/options.ts";
import { migrateImapOptions } from "../migrate/imap/options.ts";
import { migrateOptions, migrateWorkerOptions } from "../migrate/options.ts";
import { queueOptions } from "../queue/options.ts";
import { storeOptions } from "../store/maintenance/options.ts";
import { submissionOptions } from "../submission/options.ts";
import { namespaceOptions } from "./namespace-options.ts";
import { listenOptions, nodeOptions } from "./node-options.ts";
import { tlsOptions } from "./tls-options.ts";

/** Every group of options of the program, in the order in which they are shown and documented. */
export const optionGroups: readonly OptionGroup[] = [
  nodeOptions,
  listenOptions,
  tlsOptions,
  storeOptions,
  directoryOptions,
  ldapOptions,
  oauthOptions,
  peopleOptions,
  namespaceOptions,
  imapOptions,
  pop3Options,
  managesieveOptions,
  lmtpOptions,
  submissionOptions,
  syncOptions,
  replicationOptions,
  deliveryOptions,
  sieveOptions,
  queueOptions,
  migrateOptions,
  migrateWorkerOptions,
  migrateImapOptions,
  easOptions,
  gatewayOptions,
  policyOptions,
  receiptOptions,
  logOptions,
];
