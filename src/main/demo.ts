/**
 * The demo of `rookery up`: domain example.test, users alice and bob, a few messages. Made once, when the data folder
 * holds no other users; an interrupted first start is finished by the next one.
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type NodeContext, writableDirectory } from "../admin/context.ts";
import type { TlsState } from "../base/io/network.ts";
import type { Random } from "../base/io/random.ts";
import { DirectoryError } from "../directory/admin.ts";
import { AuthError } from "../directory/port.ts";
import { demoMessages } from "./demo-messages.ts";
import { generatePassword } from "./password-input.ts";

export const DEMO_DOMAIN = "example.test";
const DEMO_USERS = [
  { name: "alice", displayName: "Alice Example" },
  { name: "bob", displayName: "Bob Example" },
] as const;
/** Says that the first start got to its end. */
const DONE_FILE = "demo.done";

export interface DemoAccount {
  readonly user: string;
  /** null = set at an earlier start, and not the one given now. */
  readonly password: string | null;
}

export interface Demo {
  readonly isNew: boolean;
  readonly accounts: readonly DemoAccount[];
}

/** @param password for all demo users; undefined = a random one each */
export async function ensureDemo(
  node: NodeContext,
  dataFolder: string,
  password: string | undefined,
  random: Random,
): Promise<Demo> {
  const directory = writableDirectory(node);
  const present = (await directory.listUsers()).map(({ userId }) => userId);
  const demoIds = DEMO_USERS.map(({ name }): string => name);
  const doneFile = join(dataFolder, DONE_FILE);
  if (existsSync(doneFile) || present.some((user) => !demoIds.includes(user))) {
    const accounts: DemoAccount[] = [];
    for (const user of present.filter((one) => demoIds.includes(one))) {
      accounts.push({ user, password: await knownPassword(node, user, password) });
    }
    return { isNew: false, accounts };
  }
  await directory.addDomain(DEMO_DOMAIN, { isDefault: true }).catch(unlessDone("domain_exists"));
  const accounts: DemoAccount[] = [];
  for (const { name, displayName } of DEMO_USERS) {
    const chosen = password ?? generatePassword(random);
    if (present.includes(name)) await directory.setPassword(name, chosen);
    else await directory.addUser({ name, displayName, password: chosen });
    await node.createHome(name);
    accounts.push({ user: name, password: chosen });
  }
  for (const { sender, recipients, message } of demoMessages(DEMO_DOMAIN, node.clock.nowMs())) {
    // Duplicate suppression keeps one copy where an interrupted start delivered it already.
    await node.deliver({ sender, recipients, message });
  }
  writeFileSync(doneFile, "", { mode: 0o600 });
  return { isNew: true, accounts };
}

/** The given password when it is the user's; only hashes are kept, so any other cannot be told. */
async function knownPassword(
  node: NodeContext,
  user: string,
  password: string | undefined,
): Promise<string | null> {
  if (password === undefined) return null;
  try {
    await node.directory.login(user, password, { protocol: "up", remoteAddress: "127.0.0.1", tls: INSIDE });
    return password;
  } catch (error) {
    if (error instanceof AuthError) return null;
    throw error;
  }
}

/** A password that does not leave the process needs no TLS. */
const INSIDE: TlsState = {
  protocol: "none",
  cipher: "none",
  serverName: "",
  channelBinding: () => undefined,
};

function unlessDone(code: DirectoryError["code"]): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof DirectoryError) || error.code !== code) throw error;
  };
}
