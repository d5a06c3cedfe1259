/** What happens in a mailbox of the trial beside the phone. */
import type { Uid } from "../../src/base/numbers.ts";
import type { EasTrial } from "./eas-trial.ts";

export const OTHER_CLIENT = { userId: "alice", sessionId: 1 };

export interface Delivered {
  readonly folder?: string;
  /** Days before today. */
  readonly daysAgo?: number;
  readonly text?: string;
}

export async function deliver(
  trial: EasTrial,
  count: number,
  { folder = "user.alice", daysAgo = 0, text = "Hello" }: Delivered = {},
): Promise<readonly Uid[]> {
  const { id } = trial.store.mailboxes.get(folder);
  const internalDate = Math.floor(trial.clock.nowMs() / 1000) - daysAgo * 86_400;
  const messages = Array.from({ length: count }, (_, at) => ({
    body: trial.store.stageBuffer(
      Buffer.from(`From: b@example.test\r\nSubject: mail ${at}\r\n\r\n${text} ${at} of ${count}\r\n`),
    ),
    systemFlags: 0,
    keywords: [],
    internalDate,
  }));
  return (await trial.store.append(id, messages, OTHER_CLIENT)).uids;
}

export async function flag(
  trial: EasTrial,
  uids: readonly Uid[],
  systemFlags: number,
  mode: "add" | "remove" = "add",
): Promise<void> {
  const { id } = trial.store.mailboxes.get("user.alice");
  await trial.store.storeFlags(id, uids, { mode, systemFlags, keywords: [] }, OTHER_CLIENT);
}

export async function expunge(trial: EasTrial, uids: readonly Uid[], folder = "user.alice"): Promise<void> {
  const { id } = trial.store.mailboxes.get(folder);
  await trial.store.expunge(id, uids, { onlyDeleted: false }, OTHER_CLIENT);
}
