/**
 * The out-of-office answer as a Sieve script of the user (RFC 5230), beside his own: ours answers and then includes his
 * (RFC 6609), so that his filters go on working, also after he changes them. It keeps what Settings asked for in its first
 * line. Switching off makes his own the active one again. When he makes another one active by ManageSieve, that counts.
 */
import { createHash } from "node:crypto";
import { AccountError, type Vacation, type VacationMessage } from "./port.ts";

/** The scripts of one user, wherever they are. @throws AccountError */
export interface VacationScripts {
  list(): Promise<readonly { readonly name: string; readonly isActive: boolean }[]>;
  find(name: string): Promise<Buffer | undefined>;
  put(name: string, content: Buffer): Promise<void>;
  /** "" = none. */
  setActive(name: string): Promise<void>;
  /** Sieve extensions that the server knows; undefined = all that are needed. */
  readonly extensions: ReadonlySet<string> | undefined;
}

/** To whom the answer is written. */
export interface VacationOwner {
  readonly userId: string;
  readonly addresses: readonly string[];
}

const SCRIPT_NAME = "out-of-office";
const STATE_LINE = /^# rookery-out-of-office ([A-Za-z0-9+/=]+)\r?$/m;
const OFF: Vacation = {
  enabled: false,
  startsAt: undefined,
  endsAt: undefined,
  internal: undefined,
  externalKnown: undefined,
  externalUnknown: undefined,
};
/** RFC 5230 §4.1: one answer to a sender in so many days; another text or period is answered anew. */
const DAYS = 7;

interface State {
  readonly vacation: Vacation;
  /** The user's own active script; "" = none. */
  readonly own: string;
}

/** @throws AccountError */
export async function readVacation(scripts: VacationScripts): Promise<Vacation> {
  const content = await scripts.find(SCRIPT_NAME);
  const state = content === undefined ? undefined : readState(content);
  if (state === undefined) return OFF;
  const active = (await scripts.list()).find(({ isActive }) => isActive)?.name;
  return { ...state.vacation, enabled: state.vacation.enabled && active === SCRIPT_NAME };
}

/** @throws AccountError permission_denied when the user's own script answers already, or the server has not what is needed */
export async function writeVacation(
  scripts: VacationScripts,
  owner: VacationOwner,
  vacation: Vacation,
): Promise<void> {
  const before = await scripts.find(SCRIPT_NAME);
  const active = (await scripts.list()).find(({ isActive }) => isActive)?.name ?? "";
  const kept = before === undefined ? undefined : readState(before);
  const own = active === SCRIPT_NAME ? (kept?.own ?? "") : active;
  if (vacation.enabled) await refuseSecondAnswer(scripts, own);
  else if (before === undefined && isEmpty(vacation)) return;
  await scripts.put(SCRIPT_NAME, printScript({ vacation, own }, owner, scripts.extensions));
  if (vacation.enabled) await scripts.setActive(SCRIPT_NAME);
  else if (active === SCRIPT_NAME) await restoreOwn(scripts, own);
}

async function restoreOwn(scripts: VacationScripts, own: string): Promise<void> {
  const exists = (await scripts.list()).some(({ name }) => name === own);
  await scripts.setActive(exists ? own : "");
}

/** Two answers in one run are an error in Sieve (RFC 5230 §4.7), and then his filters would not run. */
async function refuseSecondAnswer(scripts: VacationScripts, own: string): Promise<void> {
  const content = own === "" ? undefined : await scripts.find(own);
  const code = content?.toString("utf8").replace(/#.*$|\/\*[\s\S]*?\*\//gm, "") ?? "";
  if (/^[^"\n]*\bvacation\b/m.test(code)) {
    throw new AccountError("permission_denied", `the script "${own}" answers already`);
  }
}

function isEmpty({ internal, externalKnown, externalUnknown }: Vacation): boolean {
  return internal === undefined && externalKnown === undefined && externalUnknown === undefined;
}

function readState(content: Buffer): State | undefined {
  const match = STATE_LINE.exec(content.toString("utf8"));
  if (match === null) return undefined;
  try {
    const { vacation, own } = JSON.parse(Buffer.from(match[1]!, "base64").toString("utf8")) as State;
    return { vacation: { ...OFF, ...vacation }, own: typeof own === "string" ? own : "" };
  } catch {
    // Somebody edited it: it says nothing any more.
    return undefined;
  }
}

/** @throws AccountError permission_denied when an extension that is needed is not known */
function printScript(
  { vacation, own }: State,
  { userId, addresses }: VacationOwner,
  known: ReadonlySet<string> | undefined,
): Buffer {
  const lines: string[] = [];
  const needed = ["vacation"];
  const answers = vacation.enabled ? answersOf(vacation, addresses, userId) : [];
  if (answers.length > 0) {
    const tests = periodTests(vacation);
    if (tests.length > 0) needed.push("date", "relational");
    if (answers.some((line) => line.includes("envelope :"))) needed.push("envelope");
    lines.push(...(tests.length === 0 ? answers : [`if allof (${tests.join(", ")}) {`, ...answers, "}"]));
  }
  if (own !== "") {
    needed.push("include");
    lines.push(`include :personal :optional ${quote(own)};`);
  }
  const missing = needed.filter((name) => known?.has(name) === false);
  if (missing.length > 0) {
    throw new AccountError("permission_denied", `the server has no Sieve extension ${missing.join(", ")}`);
  }
  const state = Buffer.from(JSON.stringify({ vacation, own })).toString("base64");
  return Buffer.from(
    [
      `# rookery-out-of-office ${state}`,
      "# Written by the out-of-office settings of a device; changes here are lost when they change.",
      `require [${needed.map(quote).join(", ")}];`,
      ...lines,
      "",
    ].join("\r\n"),
  );
}

/** Compared as text: all times in the same zone have the same form (RFC 5260 §4.2). */
function periodTests({ startsAt, endsAt }: Vacation): string[] {
  const test = (operator: string, seconds: number | undefined): string[] => {
    if (seconds === undefined) return [];
    const time = `${new Date(seconds * 1000).toISOString().slice(0, 19)}+00:00`;
    return [`currentdate :zone "+0000" :value "${operator}" "iso8601" "${time}"`];
  };
  return [...test("ge", startsAt), ...test("lt", endsAt)];
}

/** Inside is who writes from a domain of one of the user's addresses. Whom he knows cannot be told without his contacts. */
function answersOf(
  { internal, externalKnown, externalUnknown, startsAt }: Vacation,
  addresses: readonly string[],
  userId: string,
): string[] {
  const domains = [...new Set(addresses.map((one) => one.slice(one.lastIndexOf("@") + 1).toLowerCase()))];
  const external = externalUnknown ?? externalKnown;
  const inside = internal === undefined ? undefined : answer(internal, addresses, userId, startsAt);
  const outside = external === undefined ? undefined : answer(external, addresses, userId, startsAt);
  if (domains.length === 0) return inside ?? outside ?? [];
  if (inside !== undefined && outside !== undefined && inside.join() === outside.join()) return inside;
  const isInside = `envelope :domain :is "from" [${domains.map(quote).join(", ")}]`;
  const lines: string[] = [];
  if (inside !== undefined) lines.push(`if ${isInside} {`, ...inside, "}");
  if (outside !== undefined) lines.push(`if not ${isInside} {`, ...outside, "}");
  return lines;
}

function answer(
  { text, isHtml }: VacationMessage,
  addresses: readonly string[],
  userId: string,
  startsAt: number | undefined,
): string[] {
  const handle = createHash("sha256")
    .update(JSON.stringify([userId, text, startsAt ?? 0]))
    .digest("hex")
    .slice(0, 32);
  const body = isHtml
    ? `Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n${base64Lines(text)}`
    : text.replace(/\r\n|\r|\n/g, "\r\n");
  // RFC 5228 §2.4.2: a line that begins with a dot gets another one.
  const block = `text:\r\n${body.replace(/^\./gm, "..")}\r\n.`;
  return [
    `vacation :days ${DAYS} :handle "${handle}"${addresses.length === 0 ? "" : ` :addresses [${addresses.map(quote).join(", ")}]`}${isHtml ? " :mime" : ""} ${block}`,
    ";",
  ];
}

function base64Lines(text: string): string {
  return Buffer.from(text)
    .toString("base64")
    .replace(/.{76}(?=.)/g, "$&\r\n");
}

function quote(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}
