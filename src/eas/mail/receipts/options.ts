import { boolean, text } from "../../../config/kinds.ts";
import { option, optionGroup, type SettingsOf } from "../../../config/option.ts";

/** Names in brackets are Opush's for the same thing. */
export const receiptOptions = optionGroup(
  "receipts",
  "Receipts that senders ask for, sent for the users of devices.",
  {
    delivery: option(
      boolean,
      false,
      "Whether a sender who asks for it (Return-Receipt-To) is told when his mail arrives on a device (receipt.delivery).",
    ),
    read: option(
      boolean,
      false,
      "Whether a sender who asks for it (Disposition-Notification-To) is told when his mail is read on a device (receipt.read).",
    ),
    delivery_text: option(
      text,
      "Your message arrived at {{host}} for:\n{{#recipients}}\n  {{address}}\n{{/recipients}}\n\nThis does not mean that it was read.\n",
      "What it says when mail arrives; Mustache with host, recipients and the address of each (delivery_receipt.mustache).",
    ),
    read_text: option(
      text,
      "Your message to {{address}} was displayed. This does not mean that it was understood.\n",
      "What it says when mail is read; Mustache with address (read_receipt.mustache).",
    ),
  },
);
export type ReceiptSettings = SettingsOf<typeof receiptOptions>;
