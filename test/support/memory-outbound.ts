import type { Outbound, OutboundMail, Submission } from "../../src/delivery/outbound.ts";

/** The outbound port without durability or sending: what was given to it can be looked at. */
export class MemoryOutbound implements Outbound {
  readonly mails: OutboundMail[] = [];
  readonly remembered = new Map<string, number>();
  /** The next submissions fail with this. */
  failWith: Error | undefined;

  async submit(mail: OutboundMail): Promise<Submission> {
    await Promise.resolve();
    if (this.failWith !== undefined) throw this.failWith;
    if (mail.once !== undefined) {
      if (this.isRemembered(mail.userId, mail.once.key)) return "repeated";
      await this.remember(mail.userId, mail.once.key, mail.once.seconds);
    }
    this.mails.push(mail);
    return "queued";
  }

  isRemembered(userId: string, key: string): boolean {
    return this.remembered.has(`${userId} ${key}`);
  }

  async remember(userId: string, key: string, seconds: number): Promise<void> {
    await Promise.resolve();
    this.remembered.set(`${userId} ${key}`, seconds);
  }
}
