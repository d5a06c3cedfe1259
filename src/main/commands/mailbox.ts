import type { Command } from "commander";
import {
  collect,
  command,
  commandGroup,
  operate,
  parseBytesLimit,
  parseCountLimit,
} from "../command-line.ts";
import type { CommonFlags } from "../configuration.ts";
import { formatBytes, formatTable } from "../output.ts";

export function addMailboxCommands(program: Command): void {
  const mailbox = commandGroup(program, "mailbox", "Mailboxes of users and shared ones");
  addMailboxList(mailbox);
  command(mailbox, "create <name>", "Create a mailbox", [
    "mailbox create user.alice.Archive",
    "mailbox create user/alice/Sent --special-use Sent",
    "mailbox create shared.news",
  ])
    .option("--partition <name>", "where its messages are kept")
    .option("--special-use <use>", "Sent, Drafts, Trash … (RFC 6154); may be repeated", collect)
    .action(
      async (name: string, flags: CommonFlags & { partition?: string; specialUse?: readonly string[] }) => {
        await operate(flags, {
          operation: "mailbox.create",
          arguments: { name, partition: flags.partition, specialUse: flags.specialUse },
          text: ({ result }) => `Mailbox ${(result as { name: string }).name} is created.`,
        });
      },
    );
  command(mailbox, "rename <name> <new-name>", "Rename a mailbox and all below it", [
    "mailbox rename user.alice.Old user.alice.New",
  ])
    .option("--partition <name>", "move the messages to this partition")
    .action(async (name: string, newName: string, flags: CommonFlags & { partition?: string }) => {
      await operate(flags, {
        operation: "mailbox.rename",
        arguments: { name, newName, partition: flags.partition },
        text: ({ result }) => `The mailbox is now ${(result as { name: string }).name}.`,
      });
    });
  command(mailbox, "delete <name>", "Delete a mailbox; it can be brought back until it expires", [
    "mailbox delete user.alice.Old",
    "mailbox delete user.alice.Old --immediate",
  ])
    .option("--immediate", "at once and for good")
    .option("--force", "also an INBOX, whose user stays")
    .action(async (name: string, flags: CommonFlags & { immediate?: boolean; force?: boolean }) => {
      await operate(flags, {
        operation: "mailbox.delete",
        arguments: { name, immediate: flags.immediate, force: flags.force },
        text: () =>
          flags.immediate === true
            ? `Mailbox ${name} is gone.`
            : `Mailbox ${name} is deleted. To bring it back: rookery mailbox undelete ${name}`,
      });
    });
  command(mailbox, "undelete <name> [new-name]", "Bring a deleted mailbox back", [
    "mailbox list --deleted",
    "mailbox undelete user.alice.Old",
    "mailbox undelete DELETED.user.alice.Old.5F3A0B11 user.alice.Rescued",
  ]).action(async (name: string, newName: string | undefined, flags: CommonFlags) => {
    await operate(flags, {
      operation: "mailbox.undelete",
      arguments: { name, newName },
      text: ({ result }) => `Mailbox ${(result as { name: string }).name} is back.`,
    });
  });
  addMailboxAcl(mailbox);
  addMailboxQuota(mailbox);
}

function addMailboxList(mailbox: Command): void {
  interface Row {
    readonly name: string;
    readonly type: string;
    readonly messages: number;
    readonly unseen: number;
    readonly sizeBytes: number;
    readonly specialUse: readonly string[];
  }
  command(mailbox, "list [prefix]", "List mailboxes with their sizes", [
    "mailbox list",
    "mailbox list --user alice",
    "mailbox list shared.",
    "mailbox list --deleted --user alice",
  ])
    .option("--user <name>", "only those of this user")
    .option("--deleted", "those that can be brought back")
    .action(async (prefix: string | undefined, flags: CommonFlags & { user?: string; deleted?: boolean }) => {
      await operate(flags, {
        operation: "mailbox.list",
        arguments: { prefix, user: flags.user, deleted: flags.deleted },
        listing: true,
        text: ({ rows }) =>
          formatTable(
            ["MAILBOX", "MESSAGES", "UNSEEN", "SIZE", "USE"],
            (rows as unknown as Row[]).map((row) => [
              row.name,
              row.messages,
              row.unseen,
              formatBytes(row.sizeBytes),
              [row.type === "mail" ? "" : row.type, ...row.specialUse].join(" ").trim(),
            ]),
          ),
      });
    });
}

function addMailboxAcl(mailbox: Command): void {
  interface Result {
    readonly name: string;
    readonly acl: readonly { identifier: string; rights: string }[];
  }
  command(mailbox, "acl <name> [identifier] [rights]", "Show or change who may do what (RFC 4314)", [
    "mailbox acl user.alice.Shared",
    "mailbox acl user.alice.Shared bob lrs",
    "mailbox acl user.alice.Shared bob +i",
    "mailbox acl user.alice.Shared group:staff none",
    "mailbox acl user.alice.Shared bob -- -s",
  ]).action(
    async (name: string, identifier: string | undefined, rights: string | undefined, flags: CommonFlags) => {
      await operate(flags, {
        operation: "mailbox.acl",
        arguments: { name, identifier, rights },
        text: ({ result }) =>
          formatTable(
            ["IDENTIFIER", "RIGHTS"],
            (result as unknown as Result).acl.map((entry) => [entry.identifier, entry.rights]),
          ),
      });
    },
  );
}

function addMailboxQuota(mailbox: Command): void {
  interface QuotaFlags extends CommonFlags {
    readonly storage?: number | null;
    readonly messages?: number | null;
    readonly mailboxes?: number | null;
    readonly remove?: boolean;
  }
  interface Result {
    readonly root: string;
    readonly removed?: boolean;
    readonly limited?: boolean;
    readonly storageUsedBytes: number;
    readonly storageLimitBytes: number | null;
    readonly messagesUsed: number;
    readonly messageLimit: number | null;
    readonly mailboxesUsed: number;
    readonly mailboxLimit: number | null;
  }
  command(mailbox, "quota <name>", "Show or set the quota of a user or of a mailbox and all below it", [
    "mailbox quota alice",
    "mailbox quota alice --storage 2GiB --messages none",
    "mailbox quota shared.news --storage 500MiB",
    "mailbox quota alice --remove",
  ])
    .option("--storage <size>", "bytes of messages; none = no limit", parseBytesLimit)
    .option("--messages <count>", "number of messages; none = no limit", parseCountLimit)
    .option("--mailboxes <count>", "number of mailboxes; none = no limit", parseCountLimit)
    .option("--remove", "remove the quota root")
    .action(async (name: string, flags: QuotaFlags) => {
      await operate(flags, {
        operation: "mailbox.quota",
        arguments: {
          name,
          storageBytes: flags.storage,
          messages: flags.messages,
          mailboxes: flags.mailboxes,
          remove: flags.remove,
        },
        text: ({ result }) => {
          const quota = result as unknown as Result;
          if (quota.removed === true) return `Quota root ${quota.root} is removed.`;
          if (quota.limited === false) return `${quota.root} has no quota.`;
          const limit = (value: string | number | null): string => (value === null ? "none" : String(value));
          return formatTable(
            ["QUOTA ROOT", "RESOURCE", "USED", "LIMIT"],
            [
              [
                quota.root,
                "storage",
                formatBytes(quota.storageUsedBytes),
                limit(quota.storageLimitBytes === null ? null : formatBytes(quota.storageLimitBytes)),
              ],
              [quota.root, "messages", String(quota.messagesUsed), limit(quota.messageLimit)],
              [quota.root, "mailboxes", String(quota.mailboxesUsed), limit(quota.mailboxLimit)],
            ],
          );
        },
      });
    });
}
