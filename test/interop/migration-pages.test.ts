/** The documentation pages of the scheduler in a real browser: they show every operation, and ask nobody else for anything. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { APIS } from "../../src/migrate/scheduler/routes.ts";
import { startChromium } from "../support/chromium.ts";
import { withScheduler } from "../support/scheduler-trial.ts";
import { toolOrSkip } from "../support/tool-or-skip.ts";

const ROUTES = APIS.flatMap(({ prefix, routes }) => routes.map(({ path }) => `${prefix}/v2${path}`));

/** Resolves with the texts of all elements as soon as there are so many; the test's own time limits it. */
const whenThere = (selector: string, count: number): string => `new Promise((resolve) => {
  const look = () => {
    const found = [...document.querySelectorAll(${JSON.stringify(selector)})];
    if (found.length >= ${count}) resolve(found.map((element) => element.textContent.replaceAll("\\u200B", "").trim()));
    else requestAnimationFrame(look);
  };
  look();
})`;

test(
  "the scheduler's pages show every operation in a browser, from its own files alone",
  {
    timeout: 120_000,
  },
  async (t) => {
    if (!toolOrSkip(t, "chromium")) return undefined;
    await withScheduler(async (_admin, _customer, { url }) => {
      const browser = await startChromium();
      try {
        for (const [path, selector] of [
          ["/swagger-ui", ".opblock .opblock-summary-path"],
          ["/rapidoc", ".opblock .opblock-summary-path"],
          ["/redoc", "section h3 code"],
        ] as const) {
          await t.test(path, async () => {
            const page = await browser.open(url + path);
            const shown = (await page.evaluate(whenThere(selector, ROUTES.length))) as string[];
            for (const route of new Set(ROUTES)) assert.ok(shown.includes(route), `${path} lacks ${route}`);
            assert.deepEqual(page.problems, []);
            assert.ok(page.requests.length > 0);
            for (const request of page.requests) {
              assert.ok(request.startsWith(`${url}/`) || request.startsWith("data:"), request);
            }
            if (path === "/redoc") return;
            // What a person does first: unfold an operation and read its fields.
            const unfolded = await page.evaluate(
              `document.querySelector(".opblock .opblock-summary-control").click(); ${whenThere(".opblock.is-open .responses-wrapper", 1)}`,
            );
            assert.match(String(unfolded), /Responses/);
            assert.deepEqual(page.problems, []);
          });
        }
      } finally {
        await browser.close();
      }
    })();
    return undefined;
  },
);
