/**
 * What a device answered to an invitation last, so that its repetition after a lost answer tells the organizer nothing
 * twice, and is right although a declined invitation is gone. Another answer to the same invitation is a new one.
 */
import { createHash } from "node:crypto";
import type { EasRequest } from "../command.ts";

export interface AnsweredMeeting {
  readonly isRepeated: boolean;
  /** The same until `answered`, for the mail to the organizer. */
  readonly onceKey: string;
  answered(): Promise<void>;
}

/** @param requestId names the invitation; @param words of the answer: what is chosen, and written to the organizer */
export async function answeredMeeting(
  { states, device: { userId, deviceId } }: EasRequest,
  requestId: string,
  words: readonly string[],
): Promise<AnsweredMeeting> {
  const key = `meeting:${digestOf([requestId])}`;
  const digest = digestOf(words);
  const address = { userId, deviceId, kind: "sent", key } as const;
  const stored = await states.get(address);
  const version = stored?.version ?? 0;
  return {
    isRepeated: stored?.value.toString() === digest,
    onceKey: `eas:${deviceId}:${key}:${digest}:${version}`,
    async answered() {
      // Lost only to another gateway that got the same repetition at the same moment.
      await states.put([{ ...address, expected: version, value: Buffer.from(digest) }]);
    },
  };
}

function digestOf(words: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(words)).digest("base64url");
}
