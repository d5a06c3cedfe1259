import { environmentName, type OptionGroup } from "../src/config/option.ts";
import { optionGroups } from "../src/main/option-groups.ts";

const INTRODUCTION = `# Configuration

Made from the options' declarations by \`npm run docs\`; do not edit.

Settings come from, weakest first: the defaults below, a YAML file, the environment, the command line
(\`--set imap.idle_timeout=10m\`). The file is the one that \`--config\` or \`ROOKERY_CONFIG\` names, else
\`/etc/rookery/rookery.yaml\`; in it each group is a mapping:

\`\`\`yaml
imap:
  idle_timeout: 30m
\`\`\`

\`rookery config show\` prints every setting with where it comes from (secrets as \`*\`), \`rookery config check\` reports
all bad and unknown names at once, \`rookery config schema\` prints a JSON Schema for editors. In the environment and on
the command line the items of a list stand between commas, those of a mapping as \`name=value\`. A secret is the value
itself, \`file:PATH\` or \`env:NAME\`. Relative paths start at the file's folder.
`;

/** The text of docs/configuration.md. */
export function configurationPage(groups: readonly OptionGroup[] = optionGroups): string {
  return [INTRODUCTION, ...groups.map(section)].join("\n");
}

function section(group: OptionGroup): string {
  const rows = Object.entries(group.options).map(([key, { kind, default: fallback, sentence }]) => {
    const shown = fallback === undefined ? "not set" : `\`${printDefault(fallback)}\``;
    const cells = [
      `\`${key}\``,
      shown,
      `${sentence} Expected: ${kind.allowed}.`,
      `\`${environmentName(group.name, key)}\``,
    ];
    return `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
  });
  const head = ["| option | default | meaning | environment |", "| --- | --- | --- | --- |"];
  return [`## ${group.name}`, "", group.sentence, "", ...head, ...rows, ""].join("\n");
}

function printDefault(value: unknown): string {
  return typeof value === "string" ? (value === "" ? '""' : value) : JSON.stringify(value);
}
