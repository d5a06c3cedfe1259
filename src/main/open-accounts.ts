/** Whose mail phones see: this node's, or that of an IMAP and SMTP server elsewhere. */
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
import { namespaceOptions, toNamespace } from "./namespace-options.ts";
import { openPeople } from "./open-people.ts";
import type { Platform } from "./platform.ts";

export interface OpenAccounts {
  readonly accounts: Accounts;
  close(): void;
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
