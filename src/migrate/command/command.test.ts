import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import { sampleJob } from "../../../test/support/migration-job.ts";
import { toArgv } from "./argv.ts";
import { CommandError, readCommand } from "./command.ts";
import { inject, userProperties } from "./inject.ts";
import { readWorkerCommands } from "./options.ts";
import { sumMailboxStatus } from "./output.ts";

const JSON_FORM = {
  name: "doveadm",
  successCode: 0,
  flags: ["-D"],
  options: [
    { name: "-o", value: "imapc_user=user1" },
    { name: "-o", value: "imapc_password=secret" },
    { name: "-o", value: "imapc_host=host" },
  ],
  subCommand: {
    name: "backup",
    flags: ["-R"],
    options: [{ name: "-u", value: "user2" }],
    arguments: ["imapc:"],
  },
};

const YAML_FORM = `
name: doveadm
flags: -D
options:
  - name: -o
    value: imapc_user=user1
  - name: -o
    value: imapc_password=secret
  - name: -o
    value: imapc_host=host
sub-command:
  name: backup
  flags: -R
  arguments: "imapc:"
  options:
    - name: -u
      value: user2
`;

test("JSON and YAML give the same command (S4.59, S4.60)", () => {
  assert.deepEqual(readCommand(parse(YAML_FORM)), readCommand(JSON_FORM));
});

test("the printed command hides passwords, and they are not among the arguments (S4.64)", () => {
  const argv = toArgv(readCommand(JSON_FORM));
  assert.equal(
    argv.printed,
    "doveadm -D -o imapc_user=user1 -o imapc_password=<hidden> -o imapc_host=host backup -R -u user2 imapc:",
  );
  assert.deepEqual(argv.arguments, [
    "-D",
    "-o",
    "imapc_user=user1",
    "-o",
    "imapc_host=host",
    "backup",
    "-R",
    "-u",
    "user2",
    "imapc:",
  ]);
  assert.deepEqual(argv.secretSettings, [{ name: "imapc_password", value: "secret" }]);
});

test("passwords are hidden wherever they stand, in the commands of other programs too (S4.64)", () => {
  const command = readCommand({
    name: "imapsync",
    options: [{ name: "--password1", value: "it's secret" }],
    arguments: "--authline=user1:it's secret",
  });
  assert.equal(
    toArgv(command, ["it's secret"]).printed,
    "imapsync --password1 <hidden> --authline=user1:<hidden>",
  );
});

test("settings of doveadm need no -o; -f stays what it is (S4.65)", () => {
  const argv = toArgv(
    readCommand({
      name: "/usr/bin/doveadm",
      options: [
        { name: "imapc_user", value: "user1" },
        { name: "-f", value: "tab" },
      ],
      subCommand: { name: "mailbox", subCommand: { name: "status", arguments: ["messages vsize", "*"] } },
    }),
  );
  assert.equal(argv.printed, '/usr/bin/doveadm -o imapc_user=user1 -f tab mailbox status "messages vsize" *');
});

test("a doveadm with arguments before its sub command is refused (S4.66)", () => {
  const command = readCommand({ name: "doveadm", arguments: "this shouldn't be here" });
  assert.throws(() => toArgv(command), CommandError);
});

test("properties are injected, and folders excluded (S4.61, S4.62, S4.63, S4.67)", () => {
  const commands = readWorkerCommands({
    dmf: {
      doveadm: {
        source: {
          default: {
            imapc: { host: "imap.example.org", port: 143, "master-user": "admin" },
            command: { inject: { mykey: "myvalue", email: "overridden@example.org" } },
          },
        },
      },
    },
  });
  const filled = inject(
    readCommand({
      name: "echo",
      arguments: [
        "%{mdb:uid}",
        "%{mdb:ruid}",
        "%{mdb:2chruid}",
        "%{mdb:md5path}",
        "%{conf:mykey}",
        "%{conf:imapc_host}:%{conf:imapc_port}",
        "%{mdb:email}",
        "{%mdb:exclude}",
      ],
    }),
    {
      mdb: userProperties(JOB),
      conf: commands.conf("CustomerX"),
      excludeFolders: ["INBOX", "INBOX2"],
    },
  );
  assert.deepEqual(filled.arguments, [
    "user1",
    "source_user1",
    "so",
    "24/c9",
    "myvalue",
    "imap.example.org:143",
    "overridden@example.org",
    "-x",
    "INBOX",
    "-x",
    "INBOX2",
  ]);
});

test("a property that nobody knows fails the command", () => {
  const command = readCommand({ name: "echo", arguments: ["%{conf:nothing}"] });
  const properties = { mdb: userProperties(JOB), conf: new Map<string, string>(), excludeFolders: [] };
  assert.throws(() => inject(command, properties), /%\{conf:nothing\} is not known/);
});

test("mailboxes that several masks name are counted once", () => {
  const table = "mailbox\tmessages\tvsize\nINBOX\t150\t142255\nINBOX/a\t2\t10\nINBOX\t150\t142255\n";
  assert.deepEqual(sumMailboxStatus(table), { messages: 152, sizeBytes: 142265 });
  assert.equal(sumMailboxStatus("no table"), undefined);
});

const JOB = sampleJob();
