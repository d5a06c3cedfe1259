/** The API on one page to read (S4.52): made here from the OpenAPI document, with nothing to run in the browser. */
import type { Api, ApiRoute, JsonSchema } from "./route.ts";

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem 2rem;color:#1c2733}
nav a{margin-right:1rem}h2{margin-top:3rem}section{border-top:1px solid #d5dde5;padding:.5rem 0}
code{background:#f0f4f8;padding:.1rem .3rem}.method{font-weight:700;display:inline-block;min-width:4.5rem}
table{border-collapse:collapse;margin:.5rem 0}td,th{border:1px solid #d5dde5;padding:.2rem .6rem;text-align:left;vertical-align:top}`;

export function readOnlyPage(apis: readonly Api[], title: string): string {
  const chapters = apis.map((api) => ({ api, name: api.door === "admin" ? "Admin API" : "Customer API" }));
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>${escape(title)}</title><style>${STYLE}</style></head><body>
<h1>${escape(title)}</h1>
<nav>${chapters.map(({ api, name }) => `<a href="#${api.door}">${name}</a>`).join("")}<a href="/swagger/openapi.json">OpenAPI document</a></nav>
${chapters.map(({ api, name }) => `<h2 id="${api.door}">${name}</h2>${api.routes.map((route) => section(api, route)).join("")}`).join("")}
</body></html>`;
}

function section({ prefix }: Api, { method, path, summary, query, body, answer }: ApiRoute): string {
  return `<section><h3><span class="method">${method}</span> <code>${escape(`${prefix}/v2${path}`)}</code></h3>
<p>${escape(summary)}.</p>${fields("Query", query)}${fields("Request", body)}${fields("Answer", answer)}</section>\n`;
}

function fields(title: string, schema: JsonSchema | undefined): string {
  if (schema === undefined) return "";
  const isList = schema["type"] === "array";
  const inner = (isList ? schema["items"] : schema) as JsonSchema;
  const parts = (inner["allOf"] ?? [inner]) as readonly JsonSchema[];
  const rows = parts.flatMap((part) => {
    const required = (part["required"] ?? []) as readonly string[];
    return Object.entries((part["properties"] ?? {}) as Readonly<Record<string, JsonSchema>>).map(
      ([name, field]) =>
        `<tr><td><code>${escape(name)}</code>${required.includes(name) ? " *" : ""}</td><td>${escape(typeOf(field))}</td><td>${escape(sentenceOf(field))}</td></tr>`,
    );
  });
  const description = sentenceOf(schema);
  return `<h4>${title}${isList ? " (a list)" : ""}</h4>${description === "" ? "" : `<p>${escape(description)}</p>`}<table>${rows.join("")}</table>`;
}

function sentenceOf({ description }: JsonSchema): string {
  return typeof description === "string" ? description : "";
}

function typeOf(schema: JsonSchema): string {
  const choices = schema["anyOf"] as readonly JsonSchema[] | undefined;
  if (choices !== undefined) return choices.map(typeOf).join(" | ");
  const values = schema["enum"] as readonly string[] | undefined;
  return values === undefined ? [schema["type"]].flat().join(" | ") : values.join(" | ");
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
