/** Debian's Chromium without a window, led over a pipe by the DevTools protocol: what a person's browser makes of a page. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";

export interface Page {
  /** Every URL that was asked for, in order. */
  readonly requests: readonly string[];
  /** Exceptions, refused resources, failed requests. */
  readonly problems: readonly string[];
  /** The value of an expression; of a promise what it resolves with. */
  evaluate(expression: string): Promise<unknown>;
}

export interface Browser {
  /** Resolves when the page and all that it names itself have loaded. */
  open(url: string, headers?: Readonly<Record<string, string>>): Promise<Page>;
  close(): Promise<void>;
}

interface Message {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

export async function startChromium(): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), "rookery-chromium-"));
  const child = spawn(
    "chromium",
    [
      "--headless",
      // Root has no sandbox; the pages are ours.
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--disable-background-networking",
      "--disable-component-update",
      "--no-first-run",
      "--no-proxy-server",
      // Nothing of it, pages or the browser itself, gets off this machine.
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
      `--user-data-dir=${profile}`,
      "--remote-debugging-pipe",
      "about:blank",
    ],
    { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"], env: { ...process.env, HOME: profile } },
  );
  const pipe = new DevTools(child);
  return {
    async open(url, headers = {}) {
      const { targetId } = await pipe.send("Target.createTarget", { url: "about:blank" });
      const { sessionId } = await pipe.send("Target.attachToTarget", { targetId, flatten: true });
      const session = String(sessionId);
      const send = (method: string, params: object = {}) => pipe.send(method, params, session);
      const requests: string[] = [];
      const problems: string[] = [];
      const loaded = Promise.withResolvers<void>();
      pipe.listen(session, (method, params) => {
        if (method === "Network.requestWillBeSent") requests.push(urlOf(params));
        else if (method === "Page.loadEventFired") loaded.resolve();
        else if (PROBLEMS.has(method)) problems.push(`${method} ${JSON.stringify(params)}`);
      });
      for (const domain of ["Network", "Page", "Runtime", "Log"]) await send(`${domain}.enable`);
      await send("Network.setExtraHTTPHeaders", { headers });
      const { errorText } = await send("Page.navigate", { url });
      assert.equal(errorText, undefined, `${url}: ${String(errorText)}`);
      await Promise.race([loaded.promise, pipe.ended]);
      return {
        requests,
        problems,
        async evaluate(expression) {
          const options = { expression, awaitPromise: true, returnByValue: true };
          const { result, exceptionDetails } = await send("Runtime.evaluate", options);
          assert.equal(exceptionDetails, undefined, JSON.stringify(exceptionDetails));
          return (result as { readonly value?: unknown }).value;
        },
      };
    },
    async close() {
      const exited = child.exitCode === null ? once(child, "exit") : undefined;
      await pipe.send("Browser.close").catch(() => child.kill("SIGKILL"));
      await exited;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

const PROBLEMS = new Set(["Runtime.exceptionThrown", "Log.entryAdded", "Network.loadingFailed"]);

function urlOf(params: Readonly<Record<string, unknown>>): string {
  return (params["request"] as { readonly url: string }).url;
}

/** JSON messages that end in NUL: in on descriptor 3, out on 4. */
class DevTools {
  readonly #input: Writable;
  readonly #waiting = new Map<number, (message: Message) => void>();
  readonly #listeners = new Map<
    string,
    (method: string, params: Readonly<Record<string, unknown>>) => void
  >();
  #nextId = 1;
  /** Rejects when the browser has gone. */
  readonly ended: Promise<never>;

  constructor(child: ChildProcess) {
    const [, , , input, output] = child.stdio;
    assert.ok(input && output);
    this.#input = input as Writable;
    this.#input.on("error", () => {});
    this.ended = new Promise((_, reject) => {
      const gone = (): void => reject(new Error("Chromium has ended"));
      child.once("exit", gone);
      child.once("error", gone);
    });
    // Whoever waits is told; nobody need.
    this.ended.catch(() => {});
    void this.#read(output as Readable);
  }

  async send(method: string, params: object = {}, sessionId?: string) {
    const id = this.#nextId++;
    const answered = new Promise<Message>((resolve) => this.#waiting.set(id, resolve));
    this.#input.write(`${JSON.stringify({ id, method, params, ...(sessionId && { sessionId }) })}\0`);
    const { result = {}, error } = await Promise.race([answered, this.ended]);
    assert.equal(error, undefined, `${method}: ${error?.message}`);
    return result;
  }

  listen(
    sessionId: string,
    listener: (method: string, params: Readonly<Record<string, unknown>>) => void,
  ): void {
    this.#listeners.set(sessionId, listener);
  }

  async #read(output: Readable): Promise<void> {
    let rest = "";
    for await (const chunk of output.setEncoding("utf8") as AsyncIterable<string>) {
      const texts = (rest + chunk).split("\0");
      rest = texts.pop() ?? "";
      for (const text of texts) {
        const message = JSON.parse(text) as Message;
        const { id, sessionId = "", method, params = {} } = message;
        if (id !== undefined) this.#waiting.get(id)?.(message);
        else if (method !== undefined) this.#listeners.get(sessionId)?.(method, params);
      }
    }
  }
}
