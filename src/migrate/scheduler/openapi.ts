/** The OpenAPI 3.1 document, made from the routes themselves. */
import type { Api, ApiRoute, JsonSchema } from "./route.ts";

export interface OpenApiOptions {
  readonly version: string;
  readonly apiKeyHeader: string;
  readonly apis: readonly Api[];
}

const ERROR_SCHEMA: JsonSchema = {
  type: "object",
  required: ["message"],
  properties: { message: { type: "string" }, code: { type: "string" } },
};
const ERRORS: readonly (readonly [string, string])[] = [
  ["400", "A field is missing or wrong"],
  ["401", "Credentials are missing or wrong"],
  ["403", "Requests from this address are not allowed, or the source may not have this target uid"],
  ["404", "There is no such thing"],
  ["409", "The name is taken, it is in use, or a migration is under way"],
  ["503", "The database is away"],
];

export function openApiDocument({
  version,
  apiKeyHeader,
  apis,
}: OpenApiOptions): Readonly<Record<string, unknown>> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const { prefix, door, routes } of apis) {
    for (const apiVersion of [2, 1] as const) {
      for (const route of routes) {
        const path = `${prefix}/v${apiVersion}${route.path}`;
        paths[path] ??= {};
        paths[path][route.method.toLowerCase()] = operation(route, door, apiVersion);
      }
    }
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Migration scheduler",
      version,
      description:
        'Admin: sources, source hosts, targets, backends (Basic). Customer: users and migrations of one source (its key). Version 1 is deprecated: it differs in the default target "default" and in answers that have every key. Paths without a version take it from X-API-VERSION or Accept-Version, v1 when there is none.',
    },
    components: {
      securitySchemes: {
        admin: { type: "http", scheme: "basic" },
        customer: { type: "apiKey", in: "header", name: apiKeyHeader },
      },
      schemas: { Error: ERROR_SCHEMA },
    },
    paths,
  };
}

function operation(route: ApiRoute, door: Api["door"], apiVersion: 1 | 2): unknown {
  const names = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
  const status = String(route.status ?? 200);
  return {
    tags: [
      `${door === "admin" ? "Admin" : "Customer"}: ${route.tag}${apiVersion === 1 ? " (v1, deprecated)" : ""}`,
    ],
    summary: route.summary,
    operationId: `${door}-v${apiVersion}-${route.method.toLowerCase()}${route.path.replaceAll(/[{}]/g, "").replaceAll("/", "-")}`,
    ...(apiVersion === 1 && { deprecated: true }),
    security: [{ [door]: [] }],
    parameters: [
      ...names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } })),
      ...queryParameters(route.query),
    ],
    ...(route.body !== undefined && {
      requestBody: { required: true, content: { "application/json": { schema: route.body } } },
    }),
    responses: {
      [status]: {
        description: status === "204" ? "Done" : route.summary,
        ...(route.answer !== undefined && { content: { "application/json": { schema: route.answer } } }),
      },
      ...Object.fromEntries(
        ERRORS.map(([code, description]) => [
          code,
          {
            description,
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
        ]),
      ),
    },
  };
}

function queryParameters(query: JsonSchema | undefined): unknown[] {
  const properties = (query?.["properties"] ?? {}) as Readonly<Record<string, JsonSchema>>;
  return Object.entries(properties).map(([name, schema]) => ({ name, in: "query", required: false, schema }));
}
