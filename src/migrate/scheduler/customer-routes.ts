/** The customer's API (S4.71, S4.75): users of one source, which the key names, and their migrations. */
import { noUser } from "../database/users.ts";
import { MigrateError } from "../errors.ts";
import type { JobResult, MigrationStatus, Phase } from "../model.ts";
import type { ApiRequest, ApiRoute } from "./route.ts";
import * as schema from "./schemas.ts";
import { entryAnswer, number, recordAnswer, text, toUserFields, userAnswer } from "./shapes.ts";

/** The target of clients that know none (S4.26). */
const DEFAULT_TARGET = "default";

const users: readonly ApiRoute[] = [
  {
    method: "GET",
    path: "/users",
    tag: "Users",
    summary: "List users by their source uid",
    query: schema.userListQuery,
    answer: schema.listOf(schema.userAnswer),
    async run({ migration, source, query }) {
      const limit = number(query, "limit") ?? schema.MAX_LISTED;
      return (await migration.users.list(source, text(query, "after") ?? "", limit)).map(userAnswer);
    },
  },
  {
    method: "POST",
    path: "/users",
    tag: "Users",
    summary: "Add a user",
    body: schema.userBody,
    answer: schema.userAnswer,
    status: 201,
    async run(request) {
      const sourceUid = text(request.body, "sourceUid") ?? "";
      await request.migration.users.create(request.source, sourceUid, fieldsOf(request, "ignore"));
      return showUser(request, sourceUid);
    },
  },
  {
    method: "GET",
    path: "/users/{uid}",
    tag: "Users",
    summary: "Show a user",
    answer: schema.userAnswer,
    run: (request) => showUser(request, request.path["uid"] ?? ""),
  },
  {
    method: "PUT",
    path: "/users/{uid}",
    tag: "Users",
    summary: "Change a user: what is not given stays, null removes",
    body: schema.userChangeBody,
    answer: schema.userAnswer,
    async run(request) {
      const { uid = "" } = request.path;
      await request.migration.users.update(request.source, uid, fieldsOf(request, "remove"));
      return showUser(request, uid);
    },
  },
  {
    method: "DELETE",
    path: "/users/{uid}",
    tag: "Users",
    summary: "Remove a user and the records of his migrations",
    status: 204,
    run: ({ migration, source, path: { uid = "" } }) => migration.users.remove(source, uid),
  },
];

const migrations: readonly ApiRoute[] = [
  {
    method: "POST",
    path: "/users/migrations",
    tag: "Migrations",
    summary: "Submit a migration; the user is added when he is new",
    body: schema.migrationBody,
    answer: schema.record,
    status: 201,
    async run(request) {
      const { migration, source, body, version } = request;
      const sourceUid = text(body, "sourceUid") ?? "";
      await migration.users.submit(source, sourceUid, fieldsOf(request, "ignore"), {
        phase: text(body, "phase") as Phase,
        priority: body["priority"] === true,
        dryRun: body["dryRun"] === true,
        acceptLosses: body["acceptLosses"] === true,
        notBeforeMs: 0,
      });
      return recordAnswer(await latest(request, sourceUid), version);
    },
  },
  {
    method: "GET",
    path: "/users/migrations",
    tag: "Migrations",
    summary: "List migrations of the source",
    query: schema.recordListQuery,
    answer: schema.listOf(schema.entry),
    run: (request) => listRecords(request),
  },
  {
    method: "GET",
    path: "/users/{uid}/migrations",
    tag: "Migrations",
    summary: "List the migrations of a user",
    query: schema.recordListQuery,
    answer: schema.listOf(schema.entry),
    async run(request) {
      const { uid = "" } = request.path;
      const entries = await listRecords(request, uid);
      if (entries.length === 0) await showUser(request, uid);
      return entries;
    },
  },
  {
    method: "GET",
    path: "/users/{uid}/migrations/latest",
    tag: "Migrations",
    summary: "Show the latest migration of a user",
    answer: schema.record,
    run: async (request) => recordAnswer(await latest(request, request.path["uid"] ?? ""), request.version),
  },
  {
    method: "PUT",
    path: "/users/{uid}/migrations/close/latest/as/{status}",
    tag: "Migrations",
    summary: "Close the open migration of a user as SUCCESS, FAILED or ABORTED, and free its connection",
    answer: schema.record,
    async run(request) {
      const { uid = "", status = "" } = request.path;
      if (!isFinal(status)) {
        throw new MigrateError("invalid", `"${status}" is none of SUCCESS, FAILED, ABORTED`);
      }
      await request.migration.journal.closeLatest(request.source, uid, status);
      return recordAnswer(await latest(request, uid), request.version);
    },
  },
];

export const customerRoutes: readonly ApiRoute[] = [...users, ...migrations];

function fieldsOf({ body, version }: ApiRequest, nulls: "ignore" | "remove") {
  const fields = toUserFields(body, nulls);
  // A known user keeps his target.
  return version === 1 && fields.target === undefined && fields.targetUid !== undefined
    ? { ...fields, target: DEFAULT_TARGET }
    : fields;
}

async function showUser({ migration, source }: ApiRequest, uid: string): Promise<unknown> {
  const user = await migration.users.find(source, uid);
  if (user === undefined) throw noUser(uid);
  return userAnswer(user);
}

async function latest({ migration, source }: ApiRequest, uid: string) {
  const record = await migration.journal.findLatest(source, uid);
  if (record !== undefined) return record;
  if ((await migration.users.find(source, uid)) === undefined) throw noUser(uid);
  throw new MigrateError("not_found", `user "${uid}" has no migration`);
}

async function listRecords(
  { migration, source, query }: ApiRequest,
  uid?: string,
): Promise<readonly unknown[]> {
  const entries = await migration.journal.list({
    source,
    sourceUid: uid,
    status: text(query, "status") as MigrationStatus | undefined,
    phase: text(query, "phase") as Phase | undefined,
    after: number(query, "after") ?? 0,
    limit: number(query, "limit") ?? schema.MAX_LISTED,
  });
  return entries.map(entryAnswer);
}

function isFinal(status: string): status is JobResult["status"] {
  return status === "SUCCESS" || status === "FAILED" || status === "ABORTED";
}
