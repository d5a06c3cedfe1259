/** Whose mail phones see: this node's, or that of an IMAP and SMTP server elsewhere. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../base/io/clock.ts";
import { systemRandom } from "../base/io/random.ts";
import { systemNetwork } from "../base/io/system-network.ts";
import type { Config } from "../config/load.ts";
import { FailedLogins } from "../directory/failed-logins.ts";
import { directoryOptions } from "../directory/options.ts";
import { LocalAccounts } from "../eas/account/local/local-accounts.ts";
import { mailActionsOf } from "../eas/account/local/mail-actions.ts";
import type { LocalServices } from "../eas/account/local/services.ts";
import { TreeWatch } from "../eas/account/local/tree-watch.ts";
import { MarkStore } from "../eas/account/mark-store.ts";
import { marked } from "../eas/account/marked-account.ts";
import type { Accounts } from "../eas/account/port.ts";
import { gatewayOptions } from "../eas/account/remote/options.ts";
import { RemoteAccounts } from "../eas/account/remote/remote-accounts.ts";
import { easOptions } from "../eas/options.ts";
import { RESTORE_MARK } from "../store/maintenance/restore-backup.ts";
import { namespaceOptions, toNamespace } from "./namespace-options.ts";
import { nodeOptions } from "./node-options.ts";
import { openPeople } from "./open-people.ts";
import type { Platform } from "./platform.ts";

export interface OpenAccounts {
  readonly accounts: Accounts;
  close(): void;
}

/**
 * Devices that a PostgreSQL knows may have seen mail that a restore undid: after one they sync from the start. In the data
 * folder what is known of them comes back with the mailboxes.
 */
function restoreOf(config: Config): string {
  const path = join(config.get(nodeOptions).dataFolder, RESTORE_MARK);
  if (config.get(easOptions).database === undefined || !existsSync(path)) return "";
  return `.${readFileSync(path, "utf8").trim()}`;
}

export function openAccounts(config: Config, platform: Platform): OpenAccounts {
  const people = openPeople(config, platform);
  const settings = config.get(gatewayOptions);
  const log = platform.logs.named("eas");
  if (settings.accounts === "remote") {
    const accounts = new RemoteAccounts({
      settings,
      people,
      states: platform.gatewayState.states,
      areStatesShared: config.get(easOptions).database !== undefined,
      network: systemNetwork,
      clock: systemClock,
      random: systemRandom,
      commandLog: platform.logs.named("IMAP.COMMAND"),
      resourceLog: platform.logs.named("RESOURCES"),
      failedLogins: new FailedLogins(systemClock, config.get(directoryOptions)),
      allowPlaintext: config.get(directoryOptions).allowplaintext,
      log,
    });
    return {
      accounts: marked(accounts, new MarkStore(platform.gatewayState.states)),
      close() {
        accounts.close();
        people.close();
      },
    };
  }
  const { store, directory, provision, outgoing, textIndex, scripts } = platform;
  const tree = new TreeWatch(store);
  const actions = { outgoing, textSearch: textIndex, people, scripts };
  const services: LocalServices = {
    store,
    directory: directory.directory,
    provision: async (userId) => void (await provision.ensure(userId)),
    namespace: toNamespace(config.get(namespaceOptions), platform.defaultDomain()),
    clock: systemClock,
    log,
    tree,
    epochSuffix: restoreOf(config),
    mailActions: (user) => mailActionsOf(services, actions, user),
  };
  return {
    accounts: new LocalAccounts(services),
    close() {
      tree.close();
      people.close();
    },
  };
}
