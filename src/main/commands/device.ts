import { type Command, Option } from "commander";
import type { Outcome } from "../../admin/operation.ts";
import { command, commandGroup, operate } from "../command-line.ts";
import type { CommonFlags } from "../configuration.ts";
import { formatTable } from "../output.ts";

interface Row {
  readonly user: string;
  readonly device: string;
  readonly type: string;
  readonly agent: string;
  readonly access: string;
  readonly version: string;
  readonly wipe: string;
  readonly lastSeen: string;
}

interface Shown extends Row {
  readonly wiped: string | null;
  readonly tracing: boolean;
  readonly firstSeen: string;
  readonly policyTaken: boolean;
  readonly folders: number;
  readonly information: Readonly<Record<string, string>>;
  readonly itemsLeftOut: readonly { readonly item: string; readonly reason: string }[];
}

export function addDeviceCommands(program: Command): void {
  const group = commandGroup(program, "device", "Phones and other ActiveSync devices");
  command(group, "list [user]", "List devices", ["device list", "device list alice --access quarantined"])
    .addOption(new Option("--access <access>", "only these").choices(["allowed", "quarantined", "blocked"]))
    .action(async (user: string | undefined, flags: CommonFlags & { access?: string }) => {
      await operate(flags, {
        operation: "device.list",
        arguments: { user, access: flags.access },
        listing: true,
        text: ({ rows }) => (rows.length === 0 ? "No devices." : listText(rows as unknown as readonly Row[])),
      });
    });
  command(group, "show <user> <device>", "Show a device, and items that could not be sent to it", [
    "device show alice ABCDEF012345",
  ]).action((user: string, device: string, flags: CommonFlags) =>
    operate(flags, { operation: "device.show", arguments: { user, device }, text: showText }),
  );
  simple(group, "allow", "device.allow", "Let a blocked, wiped or quarantined device sync", "may sync");
  simple(group, "block", "device.block", "Refuse a device", "is blocked");
  simple(group, "reset", "device.reset", "Let a device sync from the start", "syncs from the start");
  simple(group, "remove", "device.remove", "Forget a device with all its state", "is forgotten");
  wipe(group, "wipe", "device", "Delete everything on a device when it comes next");
  wipe(group, "wipe-account", "account", "Delete this account on a device when it comes next (16.1)");
  command(group, "trace <user> <device> [on-or-off]", "Write down what a device says, or show it", [
    "device trace alice ABCDEF012345 on",
    "device trace alice ABCDEF012345",
    "device trace alice ABCDEF012345 off",
  ]).action(async (user: string, device: string, onOrOff: string | undefined, flags: CommonFlags) => {
    const on = onOrOff === undefined ? undefined : onOrOff === "on";
    await operate(flags, {
      operation: "device.trace",
      arguments: { user, device, on },
      text({ result }) {
        const { tracing, path, text } = result as { tracing: boolean; path: string; text: string };
        if (on !== undefined)
          return on ? `Traced to ${path}` : `No longer traced; the trace stays in ${path}`;
        if (text !== "") return text;
        return tracing
          ? "Nothing is traced yet."
          : "Not traced. Start with: rookery device trace USER DEVICE on";
      },
    });
  });
}

function simple(group: Command, verb: string, operation: string, summary: string, done: string): void {
  command(group, `${verb} <user> <device>`, summary, [`device ${verb} alice ABCDEF012345`]).action(
    (user: string, device: string, flags: CommonFlags) =>
      operate(flags, {
        operation,
        arguments: { user, device },
        text: () => `Device ${device} of ${user} ${done}.`,
      }),
  );
}

function wipe(group: Command, verb: string, scope: string, summary: string): void {
  command(group, `${verb} <user> <device>`, summary, [
    `device ${verb} alice ABCDEF012345`,
    `device ${verb} alice ABCDEF012345 --cancel`,
  ])
    .option("--cancel", "take the order back, if the device has not come yet")
    .action((user: string, device: string, flags: CommonFlags & { cancel?: boolean }) =>
      operate(flags, {
        operation: "device.wipe",
        arguments: { user, device, scope: flags.cancel === true ? "none" : scope },
        text: () =>
          flags.cancel === true
            ? `Device ${device} of ${user} is not wiped.`
            : `Device ${device} of ${user} is wiped when it comes next, and is blocked then.`,
      }),
    );
}

function listText(rows: readonly Row[]): string {
  return formatTable(
    ["USER", "DEVICE", "TYPE", "ACCESS", "VERSION", "LAST SEEN", "AGENT"],
    rows.map((row) => [
      row.user,
      row.device,
      row.type,
      row.wipe === "none" ? row.access : `${row.access}, to be wiped`,
      row.version,
      row.lastSeen.slice(0, 16).replace("T", " "),
      row.agent,
    ]),
  );
}

function showText({ result }: Outcome): string {
  const { information, itemsLeftOut, ...facts } = result as unknown as Shown;
  const lines = Object.entries({ ...facts, ...information }).map(
    ([name, value]) => `${name}: ${value === null ? "never" : String(value)}`,
  );
  if (itemsLeftOut.length === 0) return lines.join("\n");
  const items = itemsLeftOut.map(({ item, reason }) => [item, reason]);
  return `${lines.join("\n")}\n\nItems that could not be sent:\n${formatTable(["ITEM", "REASON"], items)}`;
}
