/**
 * Users, and with a phase their migrations, from a file of comma-separated values. The first line names the columns as
 * the API's fields: sourceUid, targetUid, target, sourcehost, sourceport, password, email, imapcOptions, useImapcSsl,
 * excludeFolders, phase, priority. Lists have `;` between their items. Empty = not given.
 */
import { SqlError } from "../../base/io/sql/port.ts";
import type { UserFields } from "../database/user-fields.ts";
import type { NewMigration, Users } from "../database/users.ts";
import { MigrateError } from "../errors.ts";
import type { Phase } from "../model.ts";
import { type CsvRecord, readCsv } from "./csv.ts";

export interface ImportOptions {
  readonly users: Pick<Users, "create" | "update" | "submit">;
  readonly source: string;
  /** For columns that are missing or empty. */
  readonly defaults: { readonly target?: string | undefined; readonly sourceHost?: string | undefined };
  /** Submits a migration of each user; a column `phase` says it too. */
  readonly phase?: Phase | undefined;
  readonly priority?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
  readonly onProgress: (progress: ImportProgress) => void;
  readonly onRefused: (line: number, sourceUid: string, reason: string) => void;
}

export interface ImportProgress {
  readonly done: number;
  readonly refused: number;
}

const COLUMNS = [
  "sourceUid",
  "targetUid",
  "target",
  "sourcehost",
  "sourceport",
  "password",
  "email",
  "imapcOptions",
  "useImapcSsl",
  "excludeFolders",
  "phase",
  "priority",
] as const;
type Column = (typeof COLUMNS)[number];
type Row = Readonly<Partial<Record<Column, string>>>;

/** Writes under way at a time: they share commits. */
const MAX_UNDER_WAY = 128;

/** Known users are changed. @throws CsvError, MigrateError for the first line, SqlError */
export async function importUsers(
  chunks: AsyncIterable<string>,
  options: ImportOptions,
): Promise<ImportProgress> {
  let done = 0;
  let refused = 0;
  let columns: readonly Column[] | undefined;
  let failure: unknown;
  const underWay = new Set<Promise<void>>();
  for await (const record of readCsv(chunks)) {
    if (columns === undefined) {
      columns = toColumns(record.fields);
      continue;
    }
    const one = importOne(columns, record, options)
      .then((reason) => {
        if (reason === undefined) done++;
        else refused++;
        options.onProgress({ done, refused });
      })
      .catch((error: unknown) => {
        failure ??= error;
      })
      .finally(() => underWay.delete(one));
    underWay.add(one);
    if (underWay.size >= MAX_UNDER_WAY) await Promise.race(underWay);
    if (failure !== undefined) break;
  }
  await Promise.all(underWay);
  if (failure !== undefined) throw failure;
  if (columns === undefined) throw new MigrateError("invalid", "the file is empty");
  return { done, refused };
}

/** @returns why the line was refused */
async function importOne(
  columns: readonly Column[],
  { line, fields }: CsvRecord,
  options: ImportOptions,
): Promise<string | undefined> {
  const { users, source } = options;
  const row: Row = Object.fromEntries(columns.map((column, at) => [column, fields[at] ?? ""]));
  const sourceUid = row.sourceUid ?? "";
  try {
    if (fields.length > columns.length)
      throw new MigrateError("invalid", "there are more fields than columns");
    const user = toFields(row, options);
    const migration = toMigration(row, options);
    if (migration !== undefined) await users.submit(source, sourceUid, user, migration);
    else await createOrUpdate(users, source, sourceUid, user);
    return undefined;
  } catch (error) {
    const reason = error instanceof MigrateError ? error.message : undefined;
    // Text that the database cannot keep; what is wrong with the database itself ends the import.
    const isRow = error instanceof SqlError && error.code === "constraint";
    if (reason === undefined && !isRow) throw error;
    options.onRefused(line, sourceUid, reason ?? "refused by the database");
    return reason ?? "refused";
  }
}

async function createOrUpdate(
  users: ImportOptions["users"],
  source: string,
  sourceUid: string,
  fields: UserFields,
): Promise<void> {
  try {
    await users.update(source, sourceUid, fields);
  } catch (error) {
    if (!(error instanceof MigrateError && error.code === "not_found")) throw error;
    await users.create(source, sourceUid, fields);
  }
}

function toColumns(names: readonly string[]): readonly Column[] {
  const columns = names.map((name) => {
    const column = COLUMNS.find((known) => known.toLowerCase() === name.trim().toLowerCase());
    if (column !== undefined) return column;
    throw new MigrateError(
      "invalid",
      `"${name}" is no column: the first line has some of ${COLUMNS.join(", ")}`,
    );
  });
  if (!columns.includes("sourceUid"))
    throw new MigrateError("invalid", "the first line has no column sourceUid");
  return columns;
}

function toFields(row: Row, { defaults }: ImportOptions): UserFields {
  const target = given(row.target) ?? defaults.target;
  const sourceHost = given(row.sourcehost) ?? defaults.sourceHost;
  const { sourceport, useImapcSsl } = row;
  return {
    ...field("targetUid", given(row.targetUid)),
    ...field("target", target),
    ...field("sourceHost", sourceHost),
    ...field("sourcePort", given(sourceport) === undefined ? undefined : Number(sourceport)),
    ...field("password", given(row.password)),
    ...field("email", given(row.email)),
    ...field("imapcOptions", list(row.imapcOptions)),
    ...field("useImapcSsl", given(useImapcSsl) === undefined ? undefined : isYes("useImapcSsl", useImapcSsl)),
    ...field("excludeFolders", list(row.excludeFolders)),
  };
}

function toMigration(row: Row, options: ImportOptions): NewMigration | undefined {
  const phase = given(row.phase)?.toUpperCase().replace("-", "_") ?? options.phase;
  if (phase === undefined) return undefined;
  if (phase !== "PRE_SYNC" && phase !== "CUTOVER") {
    throw new MigrateError("invalid", `phase "${phase}" is none of PRE_SYNC, CUTOVER`);
  }
  const priority =
    given(row.priority) === undefined ? options.priority === true : isYes("priority", row.priority);
  return { phase, priority, dryRun: options.dryRun === true, notBeforeMs: 0 };
}

function given(text: string | undefined): string | undefined {
  return text === undefined || text === "" ? undefined : text;
}

function list(text: string | undefined): readonly string[] | undefined {
  return given(text)
    ?.split(";")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function isYes(column: Column, text: string | undefined): boolean {
  const word = (text ?? "").trim().toLowerCase();
  if (["true", "yes", "1"].includes(word)) return true;
  if (["false", "no", "0"].includes(word)) return false;
  throw new MigrateError("invalid", `${column} "${text ?? ""}" is neither yes nor no`);
}

function field<Name extends keyof UserFields>(name: Name, value: UserFields[Name] | undefined): UserFields {
  return value === undefined ? {} : { [name]: value };
}
