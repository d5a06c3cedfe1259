import { resolve } from "node:path";
import type { Command } from "commander";
import { command, operate } from "../command-line.ts";
import type { CommonFlags } from "../configuration.ts";
import { formatBytes } from "../output.ts";

interface NodeResult {
  readonly segments: number;
  readonly linked: number;
  readonly copied: number;
  readonly copiedBytes: number;
}
interface UserResult {
  readonly mailboxes: number;
  readonly messages: number;
  readonly bytes: number;
}

export function addBackupCommand(program: Command): void {
  command(
    program,
    "backup <target>",
    "Back up the node into a folder, or one user into a file, while it serves",
    [
      "backup /backup/rookery                      # again into the same folder: only what is new is copied",
      "backup /mnt/other-disk/rookery --copy",
      "backup --user alice /backup/alice.rookery",
    ],
  )
    .option("--user <name>", "only this user, into a file")
    .option("--copy", "copy files where a hard link would do")
    .action(async (target: string, flags: CommonFlags & { user?: string; copy?: boolean }) => {
      const path = resolve(target);
      if (flags.user !== undefined) {
        await operate(flags, {
          operation: "backup.user",
          arguments: { user: flags.user, file: path },
          text: ({ result }) => {
            const { mailboxes, messages, bytes } = result as unknown as UserResult;
            return `${mailboxes} mailboxes, ${messages} messages, ${formatBytes(bytes)} are in ${path}.\n`;
          },
        });
        return;
      }
      await operate(flags, {
        operation: "backup.node",
        arguments: { target: path, copy: flags.copy },
        text: ({ result }) => {
          const { segments, linked, copied, copiedBytes } = result as unknown as NodeResult;
          return `The backup is in ${path}: ${segments} segment files, ${linked} linked and ${copied} copied (${formatBytes(copiedBytes)}) this time.\n`;
        },
      });
    });
}
