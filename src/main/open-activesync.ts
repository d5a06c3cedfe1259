/** The ActiveSync gateway: accounts, classes, state, routes. */
import { systemClock } from "../base/io/clock.ts";
import { systemRandom } from "../base/io/random.ts";
import { type Config, ConfigError } from "../config/load.ts";
import { parseDeviceRules } from "../eas/devices/rules.ts";
import { type Gateway, openGateway } from "../eas/gateway.ts";
import { EmailClass } from "../eas/mail/email-class.ts";
import { receiptOptions } from "../eas/mail/receipts/options.ts";
import { ReceiptSender } from "../eas/mail/receipts/receipt-sender.ts";
import { easOptions, type EasSettings } from "../eas/options.ts";
import { policyOptions } from "../eas/policy/options.ts";
import type { HttpRoutes } from "../http/http.ts";
import { openAccounts } from "./open-accounts.ts";
import { openAutodiscover } from "./open-autodiscover.ts";
import { openRequestNews } from "./open-request-news.ts";
import type { Platform } from "./platform.ts";
import { programVersion } from "./version.ts";

/** How often what devices no longer use is taken out. */
const EXPIRE_EVERY_MS = 6 * 3_600_000;

export interface ActiveSync {
  readonly routes: HttpRoutes;
  /** Of one device, or of all of a user. */
  endHeld(userId: string, deviceId?: string): void;
  shutDown(): void;
  close(): Promise<void>;
}

/** Also while the database of the devices cannot be had: then devices hear 503. @throws ConfigError */
export async function openActiveSync(config: Config, platform: Platform): Promise<ActiveSync> {
  const { logs, metrics } = platform;
  const settings = config.get(easOptions);
  checkSettings(settings);
  const { gatewayState } = platform;
  const { states } = gatewayState;
  // It has told the log; devices come again, and are served when it is there.
  await gatewayState.ready().catch(() => undefined);
  logs.named("CONFIGURATION").debug("activesync", { settings });

  const io = { clock: systemClock, random: systemRandom };
  const receipts = new ReceiptSender({
    ...io,
    settings: config.get(receiptOptions),
    states,
    hostName: platform.hostName,
    log: logs.named("eas"),
  });
  const email = new EmailClass({ ...io, receipts, mailData: logs.named("MAIL.DATA") });
  metrics
    .room("eas")
    .gauge(
      "html_conversions_given_up",
      "Mails whose HTML took too long and was shown plainly.",
      () => email.converter.fallbacks,
    );
  const opened = openAccounts(config, platform);
  const { accounts } = opened;
  const news = openRequestNews(settings, logs.named("eas"));
  const autodiscover = openAutodiscover(config, platform, accounts);
  const gateway: Gateway = openGateway({
    accounts,
    states,
    news: news?.requests,
    ready: () => gatewayState.ready(),
    classes: [email],
    settings,
    policy: config.get(policyOptions),
    clock: systemClock,
    random: systemRandom,
    logs: (name) => logs.named(name),
    metrics: metrics.room("eas"),
    traces: platform.deviceTraces,
    programVersion: programVersion(),
  });
  let closed = false;
  const expire = (): void => {
    if (closed) return;
    states.expire(systemClock.nowMs()).then(
      (count) => logs.named("eas").debug("expired", { count }),
      (error: unknown) => logs.named("eas").warn("nothing was expired", { err: error }),
    );
    systemClock.setTimer(EXPIRE_EVERY_MS, expire);
  };
  expire();
  return {
    routes(app) {
      gateway.routes(app);
      autodiscover(app);
    },
    shutDown: () => gateway.shutDown(),
    endHeld: (userId, deviceId) => gateway.server.endHeld(userId, deviceId),
    async close() {
      closed = true;
      opened.close();
      await news?.close();
      await email.converter.close();
    },
  };
}

/** What is good as a text and still means nothing. @throws ConfigError */
function checkSettings({ externalUrl, deviceRules }: EasSettings): void {
  const problem = (key: string, message: string): ConfigError =>
    new ConfigError([{ key: `activesync.${key}`, origin: "configuration", message }]);
  if (externalUrl !== undefined && !/^https?:$/.test(URL.parse(externalUrl)?.protocol ?? "")) {
    throw problem("external_url", `"${externalUrl}" is no address such as https://mail.example.com`);
  }
  try {
    parseDeviceRules(deviceRules);
  } catch (error) {
    if (error instanceof TypeError) throw problem("device_rules", error.message);
    throw error;
  }
}
