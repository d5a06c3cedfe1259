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
import { terminalOutput } from "../output.ts";
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
  const additions = new Additions(users, refused);
  try {
    await operate(flags, {
      operation: "user.add-many",
      arguments: {},
      payload: Buffer.from(users.map(({ user }) => `${JSON.stringify(user)}\n`).join("")),
      live: (row) => additions.take(row as unknown as Answer),
      toJson: () => additions.json(flags.generate === true),
      text: () => additions.text(),
    });
  } catch (error) {
    // Passwords that were made here are known to nobody else.
    if (additions.made > 0 && (additions.answered > 0 || hasStopped(error))) {
      const output = terminalOutput(flags.json === true);
      if (output.json) output.printJson(additions.json(true));
      else output.print(additions.unansweredText());
    }
    throw error;
  }
  if (additions.refusals.length > 0) process.exitCode = ExitCode.findings;
}

function hasStopped(error: unknown): boolean {
  return error instanceof AdminError && error.code === "node_stopped";
}

interface MadePassword {
  readonly user: string;
  readonly password: string;
}

/** What became of the users of a file, row by row. */
class Additions {
  readonly #users: readonly NewUser[];
  readonly #refused: Refusal[];
  readonly #passwords: MadePassword[] = [];
  readonly #width: number;
  #added = 0;
  /** Users about whom a row has come; rows come in the order of the file. */
  answered = 0;
  /** Passwords that were made here. */
  readonly made: number;

  constructor(users: readonly NewUser[], refused: readonly Refusal[]) {
    this.#users = users;
    this.#refused = [...refused];
    const made = users.filter(({ isMade }) => isMade);
    this.made = made.length;
    this.#width = made.reduce((width, { user }) => Math.max(width, user.name.length), USER_HEADING.length);
  }

  get refusals(): readonly Refusal[] {
    return this.#refused.toSorted((a, b) => a.line - b.line);
  }

  /** What to print at once. */
  take({ at, user, message }: Answer): string | undefined {
    const asked = this.#users[at];
    if (asked === undefined) return undefined;
    this.answered = at + 1;
    if (user === undefined) {
      this.#refused.push({ line: asked.line, name: asked.user.name, reason: message ?? "refused" });
      return undefined;
    }
    this.#added++;
    if (!asked.isMade) return undefined;
    const { password } = asked.user;
    this.#passwords.push({ user, password });
    const row = this.#row(user, password);
    return this.#passwords.length > 1 ? row : `${this.#row(USER_HEADING, PASSWORD_HEADING)}\n${row}`;
  }

  json(withPasswords: boolean): Json {
    const outcome = { added: this.#added, refused: this.refusals };
    const unanswered = this.#unanswered();
    return {
      ...outcome,
      ...(withPasswords && { passwords: this.#passwords }),
      ...(unanswered.length > 0 && { unanswered }),
    } as unknown as Json;
  }

  text(): string {
    const refusals = this.refusals;
    return [
      ...refusals.map(({ line, name, reason }) => `line ${line}: ${name}: ${reason}`),
      `${this.#added} users added, ${refusals.length} refused.`,
    ].join("\n");
  }

  /** After an answer that broke off. */
  unansweredText(): string {
    const rows = this.#unanswered().map(({ user, password }) => this.#row(user, password));
    return ["No answer came about these; who was added all the same has this password:", ...rows].join("\n");
  }

  #unanswered(): readonly MadePassword[] {
    return this.#users
      .slice(this.answered)
      .filter(({ isMade }) => isMade)
      .map(({ user }) => ({ user: user.name, password: user.password }));
  }

  #row(user: string, password: string): string {
    return `${user.padEnd(this.#width)}  ${password}`;
  }
}

const USER_HEADING = "USER";
const PASSWORD_HEADING = "PASSWORD (shown only now)";

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
