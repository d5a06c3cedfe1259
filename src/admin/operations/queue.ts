import type { WaitingMail } from "../../queue/mail.ts";
import { headerEnd } from "../../mime/headers.ts";
import { AdminError } from "../failure.ts";
import type { Json, Operation } from "../operation.ts";

/** Rows read from the database at one time. */
const PAGE = 500;

export const queueList: Operation = {
  name: "queue.list",
  async run({ queue }, fields, output) {
    fields.end();
    let count = 0;
    let after = 0;
    for (;;) {
      const page = queue.database.list(after, PAGE);
      for (const mail of page) await output.row(toJson(mail));
      count += page.length;
      const last = page.at(-1);
      if (last === undefined) return { count };
      after = last.id;
    }
  },
};

export const queueShow: Operation = {
  name: "queue.show",
  async run({ queue }, fields) {
    const [id = 0] = fields.counts("ids");
    fields.end();
    const mail = queue.database.find(id);
    const body = queue.database.body(id);
    if (mail === undefined || body === undefined) throw notFound(id);
    await Promise.resolve();
    return { ...toJson(mail), header: body.subarray(0, headerEnd(body)).toString("utf8") };
  },
};

/** Without ids everything is tried at once. */
export const queueRetry: Operation = {
  name: "queue.retry",
  async run({ queue }, fields) {
    const ids = fields.counts("ids");
    fields.end();
    const missing = ids.find((id) => queue.database.find(id) === undefined);
    if (missing !== undefined) throw notFound(missing);
    return { count: await queue.retry(ids.length === 0 ? undefined : ids) };
  },
};

export const queueDrop: Operation = {
  name: "queue.drop",
  async run({ queue, log }, fields) {
    const ids = fields.counts("ids");
    fields.end();
    for (const id of ids) {
      const mail = queue.database.find(id);
      if (mail === undefined || !(await queue.drop(id))) throw notFound(id);
      log.info("queued mail dropped", { id, from: mail.sender, to: mail.recipient });
    }
    return { count: ids.length };
  },
};

function notFound(id: number): AdminError {
  return new AdminError("queued_mail_not_found", `there is no mail ${id} in the queue, or it is being sent`, {
    next: "See what waits with: rookery queue list",
  });
}

function toJson(mail: WaitingMail): { readonly [key: string]: Json } {
  return {
    id: mail.id,
    kind: mail.kind,
    user: mail.userId,
    from: mail.sender,
    to: mail.recipient,
    sizeBytes: mail.sizeBytes,
    since: new Date(mail.createdAtMs).toISOString(),
    attempts: mail.attempts,
    next: new Date(mail.nextAtMs).toISOString(),
    lastError: mail.lastError,
  };
}
