import { byteSize, choice, duration, integerIn, listOf, mapOf, secret, text } from "../config/kinds.ts";
import { option, optionGroup, type SettingsOf } from "../config/option.ts";

/** Names in brackets are Opush's for the same thing. */
export const easOptions = optionGroup("activesync", "ActiveSync gateway: phones and Outlook.", {
  database: option(
    secret,
    undefined,
    "PostgreSQL for what devices know, such as postgres://rookery@db.example.com/rookery, so that several gateways serve one device; without it SQLite in the data folder.",
  ),
  database_connections: option(integerIn(1, 1_000), 10, "Connections to PostgreSQL at one time."),
  external_url: option(
    text,
    undefined,
    "Address of this gateway as devices reach it, such as https://mail.example.com; autodiscover tells it (external-url). Without it, the host that the client asked for where that is below an own domain, else the name of this node.",
  ),
  culture: option(text, "en:us", "Language and country that autodiscover tells devices."),
  certificate_url: option(
    text,
    undefined,
    "Where devices may enrol for certificates; autodiscover tells it as CertEnroll.",
  ),
  certificate_template: option(text, "", "Certificate template that autodiscover tells with it."),
  mail_host: option(
    text,
    undefined,
    "Host of IMAP, POP3 and submission that autodiscover tells mail programs; without it the host of external_url.",
  ),
  window_size: option(
    integerIn(1, 512),
    50,
    "Items in a Sync answer when the device does not say (window-size).",
  ),
  max_window_size: option(
    integerIn(1, 512),
    512,
    "Most items in a Sync answer, whatever the device asks for (window-size.max).",
  ),
  unknown_devices: option(
    choice("allow", "quarantine", "block"),
    "allow",
    "What happens to a device that was not seen before; a quarantined one waits for an administrator (allow.unknown.pda).",
  ),
  device_rules: option(
    mapOf(choice("allow", "quarantine", "block")),
    {},
    "Rules for new devices by type or agent, * for any text, the first that fits counts: `type:iPhone*: allow`, `agent:*Android/4*: block`.",
  ),
  blocked_users: option(listOf(text), [], "Users who are never served (blacklist.users)."),
  max_devices: option(integerIn(1, 10_000), 100, "Devices of one user; further ones are refused."),
  min_heartbeat: option(duration, "60s", "Shortest time that a Ping is held."),
  max_heartbeat: option(duration, "3540s", "Longest time that a Ping or Sync is held."),
  max_request: option(
    byteSize,
    "64MiB",
    "Largest request, with the message that it sends (message.maxSize).",
  ),
  max_waiting: option(
    integerIn(1, 1_000),
    20,
    "Requests of one device that wait for their turn; further ones get 503 (qosRejectingCeilPerClient).",
  ),
  max_requests: option(
    integerIn(1, 100_000),
    1_000,
    "Requests worked on at one time, held ones not counted; further ones get 503 with Retry-After.",
  ),
  max_held: option(integerIn(1, 1_000_000), 50_000, "Requests held at one time; further ones get 503."),
  retry_after: option(duration, "30s", "When a refused device may come again."),
  state_expiry: option(duration, "30d", "What a device synced is forgotten when it was not used so long."),
  trace_size: option(byteSize, "16MiB", "Largest trace file of a device; then it starts anew."),
});
export type EasSettings = SettingsOf<typeof easOptions>;
