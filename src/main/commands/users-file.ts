/** `rookery user add --file`: users from comma-separated values, all in one call. */
import { createReadStream } from "node:fs";
import { InvalidArgumentError } from "commander";
import { AdminError } from "../../admin/failure.ts";
import type { Json } from "../../admin/operation.ts";
import { systemRandom } from "../../base/io/random.ts";
import { CsvError, type CsvRecord, readCsv } from "../../migrate/import/csv.ts";
import { operate, parseBytes } from "../command-line.ts";
import type { CommonFlags } from "../configuration.ts";
import { ExitCode } from "../exit-codes.ts";
import { formatTable } from "../output.ts";
import { generatePassword } from "../password-input.ts";

const COLUMNS = ["name", "password", "displayName", "quota", "admin", "proxy"] as const;
type Column = (typeof COLUMNS)[number];

export const USERS_FILE_HELP = `The first line of a file names the columns: ${COLUMNS.join(", ")} (quota as in 2GiB; admin and
proxy: yes or no). Lines that are refused are named, and the others are added; the exit code is then ${ExitCode.findings}.`;

interface NewUser {
  readonly line: number;
  /** Arguments of `user.add`. */
  readonly user: { readonly name: string; readonly password: string } & Readonly<Record<string, Json>>;
  /** Was the password made here? */
  readonly isMade: boolean;
}

interface Refusal {
  readonly line: number;
  readonly name: string;
  readonly reason: string;
}

/** A row of `user.add-many`. */
interface Answer {
  readonly at: number;
  readonly user?: string;
  readonly message?: string;
}

export async function addUsersOfFile(
  file: string,
  flags: CommonFlags & { readonly generate?: boolean },
): Promise<void> {
  const input = file === "-" ? process.stdin : createReadStream(file);
  const chunks = input.setEncoding("utf8") as AsyncIterable<string>;
  const { users, refused } = await readUsers(chunks, flags.generate === true);
  const outcomeOf = (rows: readonly Json[]) => {
    const passwords: { readonly user: string; readonly password: string }[] = [];
    const refusals = [...refused];
    for (const { at, user, message } of rows as unknown as readonly Answer[]) {
      const asked = users[at];
      if (asked === undefined) continue;
      if (user === undefined) {
        refusals.push({ line: asked.line, name: asked.user.name, reason: message ?? "refused" });
      } else if (asked.isMade) passwords.push({ user, password: asked.user.password });
    }
    if (refusals.length > 0) process.exitCode = ExitCode.findings;
    const added = users.length + refused.length - refusals.length;
    return { added, refused: refusals.toSorted((a, b) => a.line - b.line), passwords };
  };
  await operate(flags, {
    operation: "user.add-many",
    arguments: {},
    payload: Buffer.from(users.map(({ user }) => `${JSON.stringify(user)}\n`).join("")),
    toJson: ({ rows }) => {
      const { passwords, ...outcome } = outcomeOf(rows);
      return { ...outcome, ...(flags.generate === true && { passwords }) } as unknown as Json;
    },
    text: ({ rows }) => {
      const { added, refused: refusals, passwords } = outcomeOf(rows);
      const told = passwords.map(({ user, password }) => [user, password]);
      return [
        ...(told.length === 0 ? [] : [formatTable(["USER", "PASSWORD (shown only now)"], told)]),
        ...refusals.map(({ line, name, reason }) => `line ${line}: ${name}: ${reason}`),
        `${added} users added, ${refusals.length} refused.`,
      ].join("\n");
    },
  });
}

/** @throws AdminError argument_invalid: the file as a whole cannot be read */
async function readUsers(
  chunks: AsyncIterable<string>,
  generate: boolean,
): Promise<{ readonly users: readonly NewUser[]; readonly refused: readonly Refusal[] }> {
  const users: NewUser[] = [];
  const refused: Refusal[] = [];
  let columns: readonly Column[] | undefined;
  try {
    for await (const record of readCsv(chunks)) {
      if (columns === undefined) {
        columns = toColumns(record.fields);
        continue;
      }
      const one = toUser(columns, record, generate);
      if ("reason" in one) refused.push(one);
      else users.push(one);
    }
  } catch (error) {
    if (error instanceof CsvError) throw fileInvalid(error.message);
    throw error;
  }
  if (columns === undefined) throw fileInvalid("the file is empty");
  return { users, refused };
}

function toColumns(names: readonly string[]): readonly Column[] {
  const columns = names.map((name) => {
    const column = COLUMNS.find((known) => known.toLowerCase() === name.trim().toLowerCase());
    if (column === undefined) throw fileInvalid(`"${name}" is no column: they are ${COLUMNS.join(", ")}`);
    return column;
  });
  if (!columns.includes("name")) throw fileInvalid("the first line has no column name");
  return columns;
}

function toUser(
  columns: readonly Column[],
  { line, fields }: CsvRecord,
  generate: boolean,
): NewUser | Refusal {
  const given = (column: Column): string => fields[columns.indexOf(column)] ?? "";
  const name = given("name").trim();
  try {
    if (fields.length > columns.length) throw new InvalidArgumentError("there are more fields than columns");
    if (name === "") throw new InvalidArgumentError("there is no name");
    const isMade = given("password") === "" && generate;
    const password = isMade ? generatePassword(systemRandom) : given("password");
    if (password === "") throw new InvalidArgumentError("there is no password (--generate makes one)");
    const user = {
      name,
      password,
      ...(given("displayName") !== "" && { displayName: given("displayName") }),
      ...(given("quota") !== "" && { quotaBytes: parseBytes(given("quota")) }),
      ...(given("admin") !== "" && { admin: isYes("admin", given("admin")) }),
      ...(given("proxy") !== "" && { proxy: isYes("proxy", given("proxy")) }),
    };
    return { line, user, isMade };
  } catch (error) {
    if (error instanceof InvalidArgumentError) return { line, name, reason: error.message };
    throw error;
  }
}

function isYes(column: Column, text: string): boolean {
  if (/^(?:yes|true|1)$/i.test(text)) return true;
  if (/^(?:no|false|0)$/i.test(text)) return false;
  throw new InvalidArgumentError(`${column} "${text}" is neither yes nor no`);
}

function fileInvalid(message: string): AdminError {
  return new AdminError("argument_invalid", message, { next: "See: rookery user add --help" });
}
