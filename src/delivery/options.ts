import { boolean, byteSize, choice, integerIn, mapOf, text } from "../config/kinds.ts";
import { option, optionGroup, type SettingsOf } from "../config/option.ts";

/** Names in brackets are Cyrus's for the same thing. */
export const deliveryOptions = optionGroup("delivery", "Filing of incoming mail.", {
  duplicate_suppression: option(
    boolean,
    true,
    "Whether a message that a mailbox already got, by its Message-ID, is accepted without a second copy (duplicatesuppression).",
  ),
  over_quota: option(
    choice("temporary", "permanent"),
    "temporary",
    "Answer for a mailbox over its quota: temporary (452, the sender keeps trying) or permanent (552) (lmtp_over_quota_perm_failure).",
  ),
  plus_folders: option(
    boolean,
    true,
    "Whether mail for user+folder goes to that folder where it exists; otherwise it goes to INBOX.",
  ),
  plus_post_right: option(
    boolean,
    true,
    "Whether user+folder needs the right p for anyone (or for the authenticated sender) on the folder.",
  ),
  autocreate: option(
    boolean,
    true,
    "Whether a user's mailboxes are made at first login or delivery (autocreate_post).",
  ),
  autocreate_folders: option(
    mapOf(text),
    { Drafts: "drafts", Sent: "sent", Trash: "trash", Junk: "junk", Archive: "archive" },
    "Folders made and subscribed with INBOX, each with its special use (autocreate_inbox_folders, xlist-FLAG).",
  ),
  autocreate_quota: option(
    byteSize,
    0,
    "Storage limit of new users for whom the directory has none, 0 for no limit (autocreate_quota).",
  ),
  max_received: option(
    integerIn(10, 10_000),
    100,
    "Received fields in a message above which it is refused as looping (RFC 5321 section 6.3).",
  ),
});
export type DeliverySettings = SettingsOf<typeof deliveryOptions>;
