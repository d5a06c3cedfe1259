/** The OpenAPI document and the pages that show it. What a page loads comes from here; no other host is asked. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { stringify } from "yaml";
import { openApiDocument, type OpenApiOptions } from "./openapi.ts";
import { readOnlyPage } from "./read-only-page.ts";

export interface DocumentationOptions extends OpenApiOptions {
  /** Before anything is shown. */
  readonly allow: (request: FastifyRequest, reply: FastifyReply) => Promise<void>;
  readonly readFile: (path: string) => Buffer;
}

/** Files of swagger-ui-dist that its page loads. */
const ASSETS: Readonly<Record<string, string>> = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "index.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "swagger-ui-standalone-preset.js": "text/javascript; charset=utf-8",
  "favicon-32x32.png": "image/png",
  "favicon-16x16.png": "image/png",
};
/** Pages with Swagger UI's forms: the framework's second interactive page is the same here. */
const INTERACTIVE = ["/swagger-ui", "/rapidoc"];
const START_SCRIPT = `window.ui = SwaggerUIBundle({ url: "/swagger/openapi.json", dom_id: "#swagger-ui", deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset], layout: "BaseLayout", validatorUrl: null });\n`;
const POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; form-action 'self'";

export function documentationRoutes(app: FastifyInstance, options: DocumentationOptions): void {
  const { apis, allow, readFile } = options;
  const document = openApiDocument(options);
  const json = JSON.stringify(document);
  const serve = (url: string, type: string, body: () => string | Buffer): void => {
    app.get(url, { onRequest: allow }, (_request, reply) =>
      reply
        .header("content-type", type)
        .header("content-security-policy", POLICY)
        .header("x-content-type-options", "nosniff")
        .send(body()),
    );
  };
  serve("/swagger/openapi.json", "application/json; charset=utf-8", () => json);
  serve("/swagger/openapi.yml", "application/yaml; charset=utf-8", () => stringify(document));
  const page = readOnlyPage(apis, "Migration scheduler");
  const html = "text/html; charset=utf-8";
  for (const url of ["/redoc", "/redoc/"]) serve(url, html, () => page);
  const folder = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
  for (const base of INTERACTIVE) {
    for (const url of [base, `${base}/`, `${base}/index.html`]) serve(url, html, () => interactivePage(base));
    serve(`${base}/start.js`, "text/javascript; charset=utf-8", () => START_SCRIPT);
    for (const [name, type] of Object.entries(ASSETS)) {
      serve(`${base}/${name}`, type, () => readFile(join(folder, name)));
    }
  }
}

function interactivePage(base: string): string {
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Migration scheduler</title>
<link rel="stylesheet" href="${base}/swagger-ui.css"><link rel="stylesheet" href="${base}/index.css">
<link rel="icon" type="image/png" href="${base}/favicon-32x32.png"></head><body><div id="swagger-ui"></div>
<script src="${base}/swagger-ui-bundle.js"></script><script src="${base}/swagger-ui-standalone-preset.js"></script>
<script src="${base}/start.js"></script></body></html>`;
}
