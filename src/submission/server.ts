/**
 * SMTP submission (RFC 6409): what mail programs send through. Only users who logged in over TLS, only with senders that
 * are their own. The SMTP dialogue is smtp-server's; what may be sent and where it goes is `outgoing.ts`.
 */
import type { AddressInfo } from "node:net";
import {
  SMTPServer,
  type SMTPServerAuthentication,
  type SMTPServerDataStream,
  type SMTPServerSession,
} from "smtp-server";
import { interposeAccept } from "../base/io/http-accept.ts";
import type { Listener, TlsServer } from "../base/io/network.ts";
import type { Log } from "../base/log.ts";
import type { Counter, RoomMetrics } from "../base/metrics.ts";
import type { NetworkList } from "../base/networks.ts";
import { AuthError, type Directory, type Identity } from "../directory/port.ts";
import type { SubmissionSettings } from "./options.ts";
import type { Outgoing } from "./outgoing.ts";
import { SubmissionRefusal, type SubmissionRefusalCode } from "./refusal.ts";

export interface SubmissionPorts {
  readonly outgoing: Outgoing;
  readonly directory: Directory;
  readonly settings: SubmissionSettings;
  readonly hostName: string;
  readonly tls: TlsServer;
  readonly trustedProxies: NetworkList;
  /** Passwords are taken without TLS: for tests and trusted networks. */
  readonly allowPlaintext: boolean;
  readonly log: Log;
  readonly metrics: SubmissionMetrics;
}

export interface SubmissionMetrics {
  readonly messages: Counter<"status">;
}

export function submissionMetrics(room: RoomMetrics): SubmissionMetrics {
  return { messages: room.counter("messages_total", "Messages that users gave to be sent.", ["status"]) };
}

/** Answers, by RFC 5321 §4.2 and RFC 3463. */
const REPLIES: Readonly<Record<SubmissionRefusalCode, readonly [number, string]>> = {
  sender_denied: [553, "5.7.1"],
  recipient_unknown: [550, "5.1.1"],
  recipient_invalid: [553, "5.1.3"],
  no_recipients: [554, "5.5.1"],
  too_many_recipients: [452, "4.5.3"],
  message_too_big: [552, "5.3.4"],
  rate_limited: [450, "4.7.1"],
  queue_full: [452, "4.3.1"],
  busy: [452, "4.3.1"],
};
const CLOSE_TIMEOUT_MS = 2_000;
/** Where nothing is said, a message is bounded nevertheless: it is held in memory. */
const UNLIMITED_BYTES = 256 * 1024 * 1024;
/** Of all messages that are being taken at one time; clients of further ones are told to come again. */
const MAX_TAKING_BYTES = 512 * 1024 * 1024;
let takingBytes = 0;

/** Resolves when the listener is bound. @throws the Node error */
export async function listenSubmission(
  address: { readonly host: string; readonly port: number },
  implicitTls: boolean,
  ports: SubmissionPorts,
): Promise<Listener> {
  const { settings, tls, log } = ports;
  const server = new SMTPServer({
    secure: implicitTls,
    secured: implicitTls,
    name: ports.hostName,
    banner: "Rookery",
    logger: false,
    authMethods: ["PLAIN", "LOGIN", ...(offersBearer(ports) ? ["XOAUTH2"] : [])],
    allowInsecureAuth: ports.allowPlaintext,
    // The library's codes follow from the reply code alone and would stand in front of ours.
    hideENHANCEDSTATUSCODES: true,
    disableReverseLookup: true,
    size: settings.maxMessageSizeBytes === 0 ? UNLIMITED_BYTES : settings.maxMessageSizeBytes,
    maxClients: settings.maxConnections,
    maxRecipients: settings.maxRecipients,
    socketTimeout: settings.timeoutMs,
    closeTimeout: CLOSE_TIMEOUT_MS,
    SNICallback: (name, done) => {
      const choose = tls.handshakeOptions().SNICallback;
      if (choose === undefined) done(null, tls.handshakeOptions().secureContext);
      else choose(name, done);
    },
    onConnect: (_session, done) => {
      // Certificates may have been read again since the last connection.
      const { secureContext } = tls.handshakeOptions();
      if (secureContext !== undefined) server.secureContext.set("*", secureContext);
      done();
    },
    onAuth: (auth, session, done) => {
      logIn(auth, session, ports).then(
        (identity) => done(null, { user: identity }),
        (error: unknown) => done(replyError(error, log)),
      );
    },
    onMailFrom: ({ address: sender }, session, done) => {
      answer(ports.outgoing.checkSender(userOf(session), sender), done, log);
    },
    onRcptTo: ({ address: recipient }, _session, done) => {
      answer(ports.outgoing.checkRecipient(recipient), done, log);
    },
    onData: (stream, session, done) => {
      takeMessage(stream, session, ports).then(
        () => {
          ports.metrics.messages.inc({ status: "queued" });
          done(null, `2.0.0 Queued (${session.id})`);
        },
        (error: unknown) => {
          ports.metrics.messages.inc({ status: "refused" });
          done(replyError(error, log));
        },
      );
    },
  });
  const dropStarting = interposeAccept(server.server, {
    tls: implicitTls ? tls : undefined,
    trustedProxies: ports.trustedProxies,
    onRefused: (reason, remote) => log.debug("connection refused", { reason, remote }),
  });
  // Sockets that break; without a listener they would end the process.
  server.on("error", (error) => log.debug("connection failed", { err: error }));
  await new Promise<void>((resolve, reject) => {
    server.server.once("error", reject);
    server.listen({ port: address.port, ...(address.host !== "" && { host: address.host }) }, () => {
      server.server.off("error", reject);
      resolve();
    });
  });
  const bound = server.server.address() as AddressInfo;
  return {
    host: bound.address,
    port: bound.port,
    close() {
      dropStarting();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function offersBearer({ directory }: SubmissionPorts): boolean {
  const tls = { protocol: "TLSv1.3", cipher: "", serverName: "", channelBinding: () => undefined };
  return directory.mechanisms({ protocol: "submission", remoteAddress: "", tls }).includes("XOAUTH2");
}

/** @throws AuthError */
async function logIn(
  { method, username = "", password, accessToken, authzid = "" }: SMTPServerAuthentication,
  session: SMTPServerSession,
  { directory, log }: SubmissionPorts,
): Promise<Identity> {
  const context = {
    protocol: "submission",
    remoteAddress: session.remoteAddress,
    tls: session.secure
      ? { protocol: "", cipher: "", serverName: "", channelBinding: () => undefined }
      : undefined,
  };
  try {
    let identity: Identity;
    if (method === "XOAUTH2") {
      const exchange = directory.startSasl("XOAUTH2", context);
      const step = await exchange.step(
        Buffer.from(`user=${username}\x01auth=Bearer ${accessToken ?? ""}\x01\x01`),
      );
      if (step.kind !== "done") throw new AuthError("credentials_invalid", "token refused");
      ({ identity } = step);
    } else if (authzid !== "" && authzid !== username) {
      const exchange = directory.startSasl("PLAIN", context);
      const step = await exchange.step(Buffer.from(`${authzid}\0${username}\0${password ?? ""}`));
      if (step.kind !== "done") throw new AuthError("credentials_invalid", "wrong password");
      ({ identity } = step);
    } else identity = await directory.login(username, password ?? "", context);
    log.info("login", { user: identity.userId, remote: session.remoteAddress, mechanism: method });
    return identity;
  } catch (error) {
    log.info("login failed", { user: username, remote: session.remoteAddress, mechanism: method });
    throw error;
  }
}

function userOf(session: SMTPServerSession): string {
  const user: unknown = session.user;
  if (typeof user === "object" && user !== null && "userId" in user && typeof user.userId === "string") {
    return user.userId;
  }
  throw new SubmissionRefusal("sender_denied", "nobody has logged in");
}

async function takeMessage(
  stream: SMTPServerDataStream,
  session: SMTPServerSession,
  { outgoing, hostName, log }: SubmissionPorts,
): Promise<void> {
  const chunks: Buffer[] = [];
  let heldBytes = 0;
  const release = (): void => {
    takingBytes -= heldBytes;
    heldBytes = 0;
    chunks.length = 0;
  };
  try {
    let isBusy = false;
    for await (const chunk of stream) {
      // Read on to its end, so that the answer comes at the right moment.
      if (!Buffer.isBuffer(chunk)) continue;
      isBusy ||= takingBytes + chunk.length > MAX_TAKING_BYTES;
      if (isBusy || stream.sizeExceeded) release();
      else {
        chunks.push(chunk);
        heldBytes += chunk.length;
        takingBytes += chunk.length;
      }
    }
    if (stream.sizeExceeded) throw new SubmissionRefusal("message_too_big", "the message is too big");
    if (isBusy) throw new SubmissionRefusal("busy", "too much mail is being taken, try again");
    await queueMessage(Buffer.concat(chunks), session, { outgoing, hostName, log });
  } finally {
    release();
  }
}

async function queueMessage(
  message: Buffer,
  session: SMTPServerSession,
  { outgoing, hostName, log }: Pick<SubmissionPorts, "outgoing" | "hostName" | "log">,
): Promise<void> {
  const { mailFrom, rcptTo } = session.envelope;
  const sender = mailFrom === false ? "" : mailFrom.address;
  const recipients = rcptTo.map(({ address }) => address);
  const userId = userOf(session);
  const name = session.hostNameAppearsAs.replaceAll(/[^\x21-\x7e]|[()]/g, "?").slice(0, 255);
  const received = `from ${name} ([${session.remoteAddress}])\r\n\tby ${hostName} (Rookery) with ${session.transmissionType} id ${session.id}`;
  await outgoing.send(userId, sender, recipients, message, received);
  log.info("message queued", { id: session.id, user: userId, from: sender, recipients: recipients.length });
}

function answer(check: Promise<unknown>, done: (error?: Error | null) => void, log: Log): void {
  check.then(
    () => done(),
    (error: unknown) => done(replyError(error, log)),
  );
}

/** Its `responseCode` is what smtp-server answers with. */
function replyError(error: unknown, log: Log): Error & { responseCode: number } {
  const reply = (code: number, text: string): Error & { responseCode: number } =>
    Object.assign(new Error(text.replaceAll(/[\p{Cc}\s]+/gu, " ").slice(0, 400)), { responseCode: code });
  if (error instanceof SubmissionRefusal) {
    const [code, status] = REPLIES[error.code];
    return reply(code, `${status} ${error.message}`);
  }
  if (error instanceof AuthError) {
    if (error.code === "unavailable") return reply(454, "4.7.0 Directory does not answer");
    if (error.code === "too_many_failures") return reply(421, "4.7.0 Too many failures");
    return reply(535, "5.7.8 Authentication failed");
  }
  log.error("submission failed", { err: error });
  return reply(451, "4.3.0 Internal error");
}
