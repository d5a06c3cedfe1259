/**
 * Client side of every mechanism behind one shape, for gateways and tests. The protocol sends `initialResponse` (or
 * waits for an empty challenge first when it has no SASL-IR), answers each challenge with `respond`, and calls `finish`
 * when the server reports success: only then has SCRAM checked that the server is who it should be.
 */
import { LOGIN_PASSWORD_PROMPT } from "./login.ts";
import { OAUTHBEARER_ACKNOWLEDGEMENT, parseBearerRefusal, printOauthBearer, printXoauth2 } from "./oauth.ts";
import { printPlain } from "./plain.ts";
import type { SaltedPasswords } from "./salted-passwords.ts";
import { SaslError } from "./sasl-error.ts";
import { ScramClient } from "./scram-client.ts";
import type { ChannelBindingType } from "./scram-server.ts";

export interface SaslClient {
  readonly mechanism: string;
  /** undefined: the server speaks first (LOGIN). */
  readonly initialResponse: Buffer | undefined;
  /** @throws SaslError */
  respond(challenge: Buffer): Promise<Buffer>;
  /** `data` = additional data with success, if the protocol carries it. @throws SaslError server_invalid */
  finish(data: Buffer | undefined): void;
}

export interface SaslClientCredentials {
  readonly username: string;
  /** Act as this user; "" = as oneself. */
  readonly authzid?: string;
  readonly password?: string;
  /** For OAUTHBEARER and XOAUTH2. */
  readonly token?: string;
  readonly host?: string;
  readonly port?: number;
  /** For SCRAM-PLUS. */
  readonly channelBinding?: { readonly type: ChannelBindingType; readonly data: Buffer };
  /** For SCRAM: printable ASCII without comma, 18 random bytes' worth. */
  readonly nonce?: string;
  /** For SCRAM: kept by who logs in often. */
  readonly saltedPasswords?: SaltedPasswords;
}

const NO_BYTES = Buffer.alloc(0);

/** @throws SaslError malformed: unknown mechanism or credentials that do not fit it */
export function createSaslClient(mechanism: string, credentials: SaslClientCredentials): SaslClient {
  const name = mechanism.toUpperCase();
  switch (name) {
    case "PLAIN": {
      const { username: authcid, authzid = "" } = credentials;
      return oneMessage(name, printPlain({ authzid, authcid, password: needed(credentials.password, name) }));
    }
    case "LOGIN":
      return loginClient(credentials.username, needed(credentials.password, name));
    case "SCRAM-SHA-256":
    case "SCRAM-SHA-256-PLUS":
      return scramClient(name, credentials);
    case "OAUTHBEARER": {
      const { authzid = credentials.username, host, port } = credentials;
      const token = needed(credentials.token, name);
      const first = printOauthBearer({
        authzid,
        token,
        ...(host === undefined ? {} : { host }),
        ...(port === undefined ? {} : { port }),
      });
      return bearerClient(name, first, OAUTHBEARER_ACKNOWLEDGEMENT);
    }
    case "XOAUTH2": {
      const first = printXoauth2({ authzid: credentials.username, token: needed(credentials.token, name) });
      return bearerClient(name, first, NO_BYTES);
    }
    case "EXTERNAL":
      return oneMessage(name, Buffer.from(credentials.authzid ?? ""));
    default:
      throw new SaslError("malformed", `SASL mechanism "${mechanism}" is not known`);
  }
}

function needed(value: string | undefined, mechanism: string): string {
  if (value === undefined) throw new SaslError("malformed", `${mechanism} needs a password or token`);
  return value;
}

function oneMessage(mechanism: string, message: Buffer): SaslClient {
  return {
    mechanism,
    initialResponse: message,
    respond: () => Promise.reject(new SaslError("malformed", `${mechanism} expects no challenge`)),
    finish: () => {},
  };
}

/** The wording of the prompts varies between servers, their order does not. */
function loginClient(username: string, password: string): SaslClient {
  const answers = [Buffer.from(password), Buffer.from(username)];
  return {
    mechanism: "LOGIN",
    initialResponse: undefined,
    respond(challenge) {
      // A server that took the name as initial response, or skips its prompt, asks for the password at once.
      if (answers.length === 2 && challenge.equals(LOGIN_PASSWORD_PROMPT)) answers.pop();
      const answer = answers.pop();
      return answer === undefined
        ? Promise.reject(new SaslError("malformed", "LOGIN has a third prompt"))
        : Promise.resolve(answer);
    },
    finish: () => {},
  };
}

function scramClient(mechanism: string, credentials: SaslClientCredentials): SaslClient {
  const plus = mechanism.endsWith("-PLUS");
  if (plus && credentials.channelBinding === undefined) {
    throw new SaslError("malformed", `${mechanism} needs channel binding data`);
  }
  const client = new ScramClient({
    username: credentials.username,
    password: needed(credentials.password, mechanism),
    authzid: credentials.authzid ?? "",
    channelBinding: plus ? credentials.channelBinding : undefined,
    couldBind: !plus && credentials.channelBinding !== undefined,
    nonce: needed(credentials.nonce, mechanism),
    saltedPasswords: credentials.saltedPasswords,
  });
  let challenges = 0;
  return {
    mechanism,
    initialResponse: client.firstMessage(),
    async respond(challenge) {
      challenges++;
      if (challenges === 1) return client.finalMessage(challenge);
      // Protocols without data at success send the server-final message as one more challenge (RFC 4422 §5).
      if (challenges === 2) client.verify(challenge);
      else throw new SaslError("malformed", "SCRAM has a third challenge");
      return NO_BYTES;
    },
    finish(data) {
      if (data !== undefined && !client.verified) client.verify(data);
      if (!client.verified)
        throw new SaslError("server_invalid", "the server reported success without proof");
    },
  };
}

function bearerClient(mechanism: string, first: Buffer, acknowledgement: Buffer): SaslClient {
  let refused: string | undefined;
  return {
    mechanism,
    initialResponse: first,
    respond(challenge) {
      if (refused !== undefined) return Promise.reject(new SaslError("refused", refused));
      refused = `the server refused the token: ${parseBearerRefusal(challenge).status}`;
      return Promise.resolve(acknowledgement);
    },
    finish() {
      if (refused !== undefined) throw new SaslError("refused", refused);
    },
  };
}
