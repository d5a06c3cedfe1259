import { boolean, choice, duration, hostPort, integerIn, secretFile, text } from "../../../config/kinds.ts";
import { option, optionGroup, type SettingsOf } from "../../../config/option.ts";

/** Names in brackets are Opush's for the same thing. */
export const gatewayOptions = optionGroup(
  "gateway",
  "Accounts that phones sync: of this store, or of an IMAP and SMTP server elsewhere.",
  {
    accounts: option(
      choice("local", "remote"),
      "local",
      "Whose mail phones see: this node's, or that of the server below.",
    ),
    imap: option(hostPort, "127.0.0.1:143", "The IMAP server."),
    imap_tls: option(
      choice("starttls", "implicit", "auto", "off"),
      "starttls",
      "TLS with it: demanded, from the first byte, when it is offered, never (imap.activateTLS).",
    ),
    smtp: option(hostPort, "127.0.0.1:587", "The server that takes what users send."),
    smtp_tls: option(
      choice("starttls", "implicit", "auto", "off"),
      "starttls",
      "TLS with it: demanded, from the first byte, when it is offered, never.",
    ),
    smtp_login: option(boolean, "yes", "Whether users log in there with their own password."),
    managesieve: option(
      hostPort,
      undefined,
      "The server that keeps users' filters (usually port 4190): out-of-office answers of phones go there as a script. Without it phones cannot set any.",
    ),
    managesieve_tls: option(
      choice("starttls", "implicit", "auto", "off"),
      "starttls",
      "TLS with it: demanded, from the first byte, when it is offered, never.",
    ),
    verify_certificates: option(boolean, "yes", "Whether certificates of all of them must be right."),
    authorities: option(
      secretFile,
      undefined,
      "PEM file of the authorities that sign them, instead of the system's.",
    ),
    login_with_domain: option(
      boolean,
      "yes",
      "Whether users are logged in as user@domain, or without the domain (imap.loginWithDomain).",
    ),
    default_domain: option(
      text,
      undefined,
      "Domain of users who give none; their address then is user@domain.",
    ),
    timeout: option(duration, "30s", "How long a server may be silent (imap.timeoutInMs)."),
    drafts: option(text, "Drafts", "Drafts, where the server marks none (imap.mailbox.draft)."),
    sent: option(text, "Sent", "Sent mail, where the server marks none (imap.mailbox.sent)."),
    trash: option(text, "Trash", "Deleted mail, where the server marks none (imap.mailbox.trash)."),
    only_subscribed: option(
      boolean,
      "no",
      "Whether own folders are shown only when they are subscribed; shared ones always are.",
    ),
    max_connections: option(
      integerIn(1, 50),
      4,
      "IMAP connections for one user, without the one that waits for news.",
    ),
    keep_connections: option(duration, "60s", "How long an unused IMAP connection is kept."),
    poll_interval: option(
      duration,
      "60s",
      "How often folders other than INBOX are looked at for a waiting phone, on servers without NOTIFY.",
    ),
  },
);
export type GatewaySettings = SettingsOf<typeof gatewayOptions>;
