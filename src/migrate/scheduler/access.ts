/**
 * Who may ask: addresses first, then Basic for administrators or a source's key for customers. Wrong credentials are
 * counted by address and slowed down; they are compared in constant time.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Secret } from "../../base/secret.ts";
import type { FailedLogins } from "../../directory/failed-logins.ts";
import { AuthError } from "../../directory/port.ts";
import type { Sources } from "../database/sources.ts";
import type { IpPatterns } from "./ip-patterns.ts";

export interface AccessOptions {
  /** Without name or password nobody is an administrator. */
  readonly adminUsername: string;
  readonly adminPassword: Secret | undefined;
  /** Header of the customer's key. */
  readonly apiKeyHeader: string;
  readonly ipPatterns: IpPatterns;
  readonly failedLogins: FailedLogins;
  readonly sources: Pick<Sources, "findByKey">;
}

/** Answered with its status. */
export class AccessError extends Error {
  override name = "AccessError";
  readonly statusCode: 401 | 403 | 429;
  constructor(statusCode: AccessError["statusCode"], message: string) {
    super(message);
    this.statusCode = statusCode;
  }
}

export class Access {
  readonly #options: AccessOptions;
  readonly #adminDigest: Buffer | undefined;

  constructor(options: AccessOptions) {
    this.#options = options;
    const { adminUsername, adminPassword } = options;
    this.#adminDigest =
      adminUsername === "" || adminPassword === undefined || adminPassword.reveal() === ""
        ? undefined
        : digest(`${adminUsername}:${adminPassword.reveal()}`);
  }

  /** False: nobody can use the admin API. */
  get hasAdministrator(): boolean {
    return this.#adminDigest !== undefined;
  }

  /** @throws AccessError 403 */
  checkAddress(request: FastifyRequest): void {
    if (!this.#options.ipPatterns.allows(request.ip)) {
      throw new AccessError(403, "requests from this address are not allowed");
    }
  }

  /** @throws AccessError 401 | 429 */
  async administrator(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const given = basicCredentials(request.headers.authorization);
    if (given === undefined) throw unauthorized(reply, "this needs an administrator's name and password");
    await this.#try(request, given, () => {
      const isRight = this.#adminDigest !== undefined && timingSafeEqual(digest(given), this.#adminDigest);
      if (!isRight) throw unauthorized(reply, "wrong name or password");
      return Promise.resolve();
    });
  }

  /** The source of the key. @throws AccessError 401 | 429 */
  async customer(request: FastifyRequest): Promise<string> {
    const { apiKeyHeader, sources } = this.#options;
    const given = request.headers[apiKeyHeader.toLowerCase()];
    if (typeof given !== "string" || given === "") {
      throw new AccessError(401, `this needs the key of a source in ${apiKeyHeader}`);
    }
    return this.#try(request, given, async () => {
      const source = await sources.findByKey(given);
      if (source === undefined) throw new AccessError(401, "no source has this key");
      return source;
    });
  }

  async #try<T>(request: FastifyRequest, credentials: string, check: () => Promise<T>): Promise<T> {
    const { failedLogins } = this.#options;
    try {
      await failedLogins.enter(request.ip, "");
      return await check();
    } catch (error) {
      if (error instanceof AuthError)
        throw new AccessError(429, "too many failed attempts from this address");
      if (error instanceof AccessError) {
        failedLogins.failed(request.ip, "", digest(credentials).toString("base64url").slice(0, 16));
      }
      throw error;
    }
  }
}

function unauthorized(reply: FastifyReply, message: string): AccessError {
  void reply.header("www-authenticate", 'Basic realm="migration", charset="UTF-8"');
  return new AccessError(401, message);
}

/** `name:password` of RFC 7617 §2. */
function basicCredentials(header: string | undefined): string | undefined {
  const [, encoded] = /^Basic +([A-Za-z0-9+/=]+) *$/i.exec(header ?? "") ?? [];
  return encoded === undefined ? undefined : Buffer.from(encoded, "base64").toString("utf8");
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text, "utf8").digest();
}
