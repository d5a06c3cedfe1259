import type { Command } from "commander";
import { command, commandGroup, operate, parseCount } from "../command-line.ts";
import type { CommonFlags } from "../configuration.ts";
import { formatTable } from "../output.ts";

interface Row {
  readonly id: number;
  readonly kind: string;
  readonly from: string;
  readonly to: string;
  readonly since: string;
  readonly attempts: number;
  readonly next: string;
  readonly lastError: string;
}

export function addQueueCommands(program: Command): void {
  const queue = commandGroup(program, "queue", "Outgoing mail that waits: redirects, answers, reports");
  command(queue, "list", "List what waits, oldest first", ["queue list", "queue list --json"]).action(
    async (flags: CommonFlags) => {
      await operate(flags, {
        operation: "queue.list",
        arguments: {},
        listing: true,
        text: ({ rows }) =>
          rows.length === 0
            ? "Nothing waits."
            : formatTable(
                ["ID", "KIND", "FROM", "TO", "SINCE", "TRIES", "NEXT", "LAST ANSWER"],
                (rows as unknown as Row[]).map((row) => [
                  row.id,
                  row.kind,
                  row.from === "" ? "<>" : row.from,
                  row.to,
                  row.since,
                  row.attempts,
                  row.next,
                  row.lastError,
                ]),
              ),
      });
    },
  );
  command(queue, "show <id>", "Show one mail with its header", ["queue show 17"]).action(
    async (id: string, flags: CommonFlags) => {
      await operate(flags, {
        operation: "queue.show",
        arguments: { ids: [parseCount(id)] },
        text({ result }) {
          const { header, ...facts } = result as Readonly<Record<string, string>>;
          const lines = Object.entries(facts).map(([name, value]) => `${name}: ${value}\n`);
          return `${lines.join("")}\n${header ?? ""}`;
        },
      });
    },
  );
  command(queue, "retry [id...]", "Try some, or all, at once", ["queue retry", "queue retry 17 18"]).action(
    async (ids: string[], flags: CommonFlags) => {
      await operate(flags, {
        operation: "queue.retry",
        arguments: { ids: ids.map(parseCount) },
        text: ({ result }) => `${countOf(result)} to be tried at once.`,
      });
    },
  );
  command(queue, "drop <id...>", "Remove mail from the queue; its sender hears nothing", [
    "queue drop 17",
  ]).action(async (ids: string[], flags: CommonFlags) => {
    await operate(flags, {
      operation: "queue.drop",
      arguments: { ids: ids.map(parseCount) },
      text: ({ result }) => `${countOf(result)} dropped.`,
    });
  });
}

function countOf(result: unknown): string {
  const { count } = result as { readonly count: number };
  return count === 1 ? "1 mail is" : `${count} mails are`;
}
