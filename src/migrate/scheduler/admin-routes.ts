/** The admin API (S4.71–S4.74): sources, source hosts, targets, backends; and what runs, over all sources. */
import { noBackend, noTarget } from "../database/backends.ts";
import { noHost, noSource } from "../database/sources.ts";
import type { BackendState } from "../job-queue.ts";
import type { MigrationStatus, Phase } from "../model.ts";
import type { ApiRequest, ApiRoute } from "./route.ts";
import * as schema from "./schemas.ts";
import {
  backendAnswer,
  entryAnswer,
  hostAnswer,
  number,
  sourceAnswer,
  sourceRules,
  text,
  toHost,
} from "./shapes.ts";

const sources: readonly ApiRoute[] = [
  {
    method: "GET",
    path: "/sources",
    tag: "Sources",
    summary: "List the sources",
    answer: schema.listOf(schema.sourceAnswer),
    run: async ({ migration }) => (await migration.sources.list()).map((source) => sourceAnswer(source)),
  },
  {
    method: "POST",
    path: "/sources",
    tag: "Sources",
    summary: "Add a source with the key of its customer",
    body: schema.sourceBody,
    answer: schema.sourceAnswer,
    status: 201,
    async run({ migration, body }) {
      const source = {
        name: text(body, "name") ?? "",
        apiKey: text(body, "apiKey") ?? "",
        ...sourceRules(body),
      };
      await migration.sources.add(source);
      return sourceAnswer(source, source.apiKey);
    },
  },
  {
    method: "GET",
    path: "/sources/{source}",
    tag: "Sources",
    summary: "Show a source",
    answer: schema.sourceAnswer,
    run: async ({ migration, path: { source = "" } }) => sourceAnswer(await migration.sources.get(source)),
  },
  {
    method: "PUT",
    path: "/sources/{source}",
    tag: "Sources",
    summary: "Change a source: what is not given stays, null allows every target uid",
    body: schema.sourceChangeBody,
    answer: schema.sourceAnswer,
    async run({ migration, path: { source = "" }, body }) {
      const apiKey = text(body, "apiKey");
      await migration.sources.set(source, { apiKey, rules: sourceRules(body) });
      return sourceAnswer(await migration.sources.get(source), apiKey);
    },
  },
  {
    method: "DELETE",
    path: "/sources/{source}",
    tag: "Sources",
    summary: "Remove a source that has no users",
    status: 204,
    run: ({ migration, path: { source = "" } }) => migration.sources.remove(source),
  },
];

const hosts: readonly ApiRoute[] = [
  {
    method: "GET",
    path: "/sources/{source}/sourcehosts",
    tag: "Sourcehosts",
    summary: "List the hosts of a source",
    answer: schema.listOf(schema.hostAnswer),
    async run({ migration, path: { source = "" } }) {
      if (!(await migration.sources.has(source))) throw noSource(source);
      return (await migration.sources.hosts(source)).map(hostAnswer);
    },
  },
  {
    method: "POST",
    path: "/sources/{source}/sourcehosts",
    tag: "Sourcehosts",
    summary: "Add a host",
    body: schema.hostBody,
    answer: schema.hostAnswer,
    status: 201,
    async run({ migration, path: { source = "" }, body }) {
      const host = toHost(source, text(body, "name") ?? "", body);
      await migration.sources.addHost(host);
      return hostAnswer(host);
    },
  },
  {
    method: "GET",
    path: "/sources/{source}/sourcehosts/{name}",
    tag: "Sourcehosts",
    summary: "Show a host",
    answer: schema.hostAnswer,
    run: async (request) => hostAnswer(await hostOf(request)),
  },
  {
    method: "PUT",
    path: "/sources/{source}/sourcehosts/{name}",
    tag: "Sourcehosts",
    summary: "Change a host; what is not given stays",
    body: schema.hostChangeBody,
    answer: schema.hostAnswer,
    async run(request) {
      const before = await hostOf(request);
      const host = toHost(before.source, before.name, request.body, before);
      await request.migration.sources.setHost(host);
      return hostAnswer(host);
    },
  },
  {
    method: "DELETE",
    path: "/sources/{source}/sourcehosts/{name}",
    tag: "Sourcehosts",
    summary: "Remove a host that has no users",
    status: 204,
    run: ({ migration, path: { source = "", name = "" } }) => migration.sources.removeHost(source, name),
  },
];

const targets: readonly ApiRoute[] = [
  {
    method: "GET",
    path: "/targets",
    tag: "Targets",
    summary: "List the targets",
    answer: schema.listOf(schema.targetBody),
    run: async ({ migration }) => (await migration.backends.targets()).map((name) => ({ name })),
  },
  {
    method: "POST",
    path: "/targets",
    tag: "Targets",
    summary: "Add a target; the first worker of a target does it too",
    body: schema.targetBody,
    answer: schema.targetBody,
    status: 201,
    async run({ migration, body }) {
      const name = text(body, "name") ?? "";
      await migration.backends.addTarget(name);
      return { name };
    },
  },
  {
    method: "GET",
    path: "/targets/{target}",
    tag: "Targets",
    summary: "Show a target",
    answer: schema.targetBody,
    async run({ migration, path: { target = "" } }) {
      if (!(await migration.backends.hasTarget(target))) throw noTarget(target);
      return { name: target };
    },
  },
  {
    method: "DELETE",
    path: "/targets/{target}",
    tag: "Targets",
    summary: "Remove a target that has no users",
    status: 204,
    run: ({ migration, path: { target = "" } }) => migration.backends.removeTarget(target),
  },
];

const backends: readonly ApiRoute[] = [
  {
    method: "GET",
    path: "/backends",
    tag: "Backends",
    summary: "List the workers",
    answer: schema.listOf(schema.backendAnswer),
    run: async ({ migration }) => (await migration.backends.list()).map(backendAnswer),
  },
  {
    method: "GET",
    path: "/targets/{target}/backends",
    tag: "Backends",
    summary: "List the workers of a target",
    answer: schema.listOf(schema.backendAnswer),
    async run({ migration, path: { target = "" } }) {
      if (!(await migration.backends.hasTarget(target))) throw noTarget(target);
      return (await migration.backends.list(target)).map(backendAnswer);
    },
  },
  {
    method: "GET",
    path: "/backends/{target}/{name}",
    tag: "Backends",
    summary: "Show a worker",
    answer: schema.backendAnswer,
    run: (request) => showBackend(request),
  },
  {
    method: "PUT",
    path: "/backends/{target}/{name}",
    tag: "Backends",
    summary: "Change a worker's state, initial state or threads",
    body: schema.backendBody,
    answer: schema.backendAnswer,
    async run(request) {
      const { body, path, migration } = request;
      await migration.backends.change(path["target"] ?? "", path["name"] ?? "", {
        state: text(body, "state") as BackendState | undefined,
        initialState: text(body, "initialState") as BackendState | undefined,
        maxThreads: number(body, "maxThreads"),
      });
      return showBackend(request);
    },
  },
  ...(["start", "pause", "stop"] as const).map((verb): ApiRoute => {
    const summaries = {
      start: "Let a worker take jobs",
      pause: "Let a worker end its jobs and take no new ones",
      stop: "Make a worker give its jobs back and take no new ones",
    };
    const states = { start: "RUNNING", pause: "PAUSED", stop: "STOPPED" } as const;
    return {
      method: "PUT",
      path: `/backends/{target}/{name}/${verb}`,
      tag: "Backends",
      summary: summaries[verb],
      answer: schema.backendAnswer,
      async run(request) {
        const { path, migration } = request;
        await migration.backends.change(path["target"] ?? "", path["name"] ?? "", { state: states[verb] });
        return showBackend(request);
      },
    };
  }),
  {
    method: "DELETE",
    path: "/backends/{target}/{name}",
    tag: "Backends",
    summary: "Forget a worker that is gone",
    status: 204,
    run: ({ migration, path: { target = "", name = "" } }) => migration.backends.remove(target, name),
  },
];

const migrations: readonly ApiRoute[] = [
  {
    method: "GET",
    path: "/migrations",
    tag: "Migrations",
    summary: "List migrations of all sources",
    query: schema.recordListQuery,
    answer: schema.listOf(schema.entry),
    async run({ migration, query }) {
      const entries = await migration.journal.list({
        status: text(query, "status") as MigrationStatus | undefined,
        phase: text(query, "phase") as Phase | undefined,
        after: number(query, "after") ?? 0,
        limit: number(query, "limit") ?? schema.MAX_LISTED,
      });
      return entries.map(entryAnswer);
    },
  },
  {
    method: "GET",
    path: "/migrations/counts",
    tag: "Migrations",
    summary: "Count migrations by source, host, phase and status",
    answer: schema.counts,
    run: async ({ migration }) =>
      (await migration.journal.counts()).map(({ sourceHost, ...rest }) => ({
        ...rest,
        sourcehost: sourceHost,
      })),
  },
];

export const adminRoutes: readonly ApiRoute[] = [
  ...sources,
  ...hosts,
  ...targets,
  ...backends,
  ...migrations,
];

async function hostOf({ migration, path: { source = "", name = "" } }: ApiRequest) {
  if (!(await migration.sources.has(source))) throw noSource(source);
  const host = await migration.sources.findHost(source, name);
  if (host === undefined) throw noHost(source, name);
  return host;
}

async function showBackend({ migration, path: { target = "", name = "" } }: ApiRequest): Promise<unknown> {
  const backend = await migration.backends.find(target, name);
  if (backend === undefined) throw noBackend(target, name);
  return backendAnswer(backend);
}
