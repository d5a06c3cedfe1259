/** Server side of each SASL mechanism over the authenticator: the messages from wire/sasl, the users from here. */
import type { Random } from "../base/io/random.ts";
import { LOGIN_PASSWORD_PROMPT, LOGIN_USERNAME_PROMPT, parseLoginAnswer } from "../wire/sasl/login.ts";
import { parseOauthBearer, parseXoauth2, printBearerRefusal } from "../wire/sasl/oauth.ts";
import { parsePlain } from "../wire/sasl/plain.ts";
import { prepare } from "../wire/sasl/prepare.ts";
import { SaslError } from "../wire/sasl/sasl-error.ts";
import { ScramServer } from "../wire/sasl/scram-server.ts";
import type { Account, ScramSource } from "./account-source.ts";
import { MAX_LOGIN_NAME_CHARACTERS, type Attempt, type Authenticator } from "./authenticator.ts";
import type { BearerTokens } from "./bearer-tokens.ts";
import { AuthError, type AuthContext, type SaslExchange, type SaslStep } from "./port.ts";

/** 144 bits (RFC 5802 §5.1 leaves it open). */
const NONCE_BYTES = 18;

type Step = (message: Buffer) => Promise<SaslStep>;

/** An exchange that is over, well or badly, takes no further message. */
function exchange(serverFirst: boolean, first: Step, ...more: readonly Step[]): SaslExchange {
  const steps = [first, ...more];
  return {
    serverFirst,
    async step(message) {
      const step = steps.shift();
      if (step === undefined) throw new AuthError("protocol_error", "the SASL exchange is over");
      try {
        const result = await step(message);
        if (result.kind === "done") steps.length = 0;
        return result;
      } catch (error) {
        steps.length = 0;
        if (!(error instanceof SaslError)) throw error;
        const code = error.code === "malformed" ? "protocol_error" : "credentials_invalid";
        throw new AuthError(code, error.message, { cause: error });
      }
    },
  };
}

export function plainExchange(authenticator: Authenticator, connection: AuthContext): SaslExchange {
  return exchange(false, async (message) => {
    const { authzid, authcid, password } = parsePlain(message);
    const attempt = { mechanism: "PLAIN", connection, name: authcid, authzid };
    return done(await authenticator.withPassword(attempt, password));
  });
}

/** An initial response is the user name; without one the first message is empty and asks for it. */
export function loginExchange(authenticator: Authenticator, connection: AuthContext): SaslExchange {
  let name = "";
  const password: Step = async (message) => {
    const attempt = { mechanism: "LOGIN", connection, name, authzid: "" };
    return done(await authenticator.withPassword(attempt, parseLoginAnswer(message)));
  };
  const user: Step = (message) => {
    name = parseLoginAnswer(message);
    return Promise.resolve({ kind: "challenge", data: LOGIN_PASSWORD_PROMPT });
  };
  let asked = false;
  const steps: Step = async (message) => {
    if (name !== "") return password(message);
    if (message.length > 0 || asked) return user(message);
    asked = true;
    return { kind: "challenge", data: LOGIN_USERNAME_PROMPT };
  };
  return exchange(true, steps, steps, steps);
}

export function scramExchange(
  mechanism: "SCRAM-SHA-256" | "SCRAM-SHA-256-PLUS",
  scram: ScramSource,
  authenticator: Authenticator,
  connection: AuthContext,
  options: { readonly plusOffered: boolean; readonly random: Random },
): SaslExchange {
  const server = new ScramServer({
    mechanism,
    plusOffered: options.plusOffered,
    channelBinding: (type) => connection.tls?.channelBinding(type),
    nonce: options.random.bytes(NONCE_BYTES).toString("base64"),
  });
  let attempt: Attempt = { mechanism, connection, name: "", authzid: "" };
  let account: Account | undefined;
  let found: ReturnType<ScramSource["keysOf"]> | undefined;
  return exchange(
    false,
    async (message) => {
      const { username, authzid } = server.receiveFirst(message);
      attempt = { ...attempt, name: username, authzid };
      try {
        account =
          username.length > MAX_LOGIN_NAME_CHARACTERS
            ? undefined
            : await authenticator.source.find(prepare(username, "query") ?? "");
      } catch (error) {
        throw authenticator.failed(attempt, error);
      }
      found = scram.keysOf(account, username);
      return { kind: "challenge", data: server.challenge(found.keys) };
    },
    async (message) => {
      const { keys, real } = found ?? scram.keysOf(undefined, attempt.name);
      let serverFinal: Buffer | undefined;
      const identity = await authenticator.run(attempt, async () => {
        serverFinal = server.receiveFinal(message, keys);
        const isRight = serverFinal !== undefined && real;
        return { account, verdict: isRight ? { protocols: [] } : undefined, fingerprint: undefined };
      });
      return { kind: "done", identity, data: serverFinal };
    },
  );
}

export function bearerExchange(
  mechanism: "OAUTHBEARER" | "XOAUTH2",
  tokens: BearerTokens,
  authenticator: Authenticator,
  connection: AuthContext,
): SaslExchange {
  const parse = mechanism === "XOAUTH2" ? parseXoauth2 : parseOauthBearer;
  let refusal: AuthError | undefined;
  return exchange(
    false,
    async (message) => {
      const { authzid, token } = parse(message);
      try {
        const attempt = { mechanism, connection, name: authzid, authzid };
        const identity = await authenticator.run(attempt, async () => {
          const account = await accountOf(token);
          const fingerprint = authenticator.fingerprint("", token);
          return { account, verdict: account && { protocols: [] }, fingerprint };
        });
        return done(identity);
      } catch (error) {
        if (!(error instanceof AuthError) || error.code !== "credentials_invalid") throw error;
        refusal = error;
        return { kind: "challenge", data: printBearerRefusal(tokens.refusal) };
      }
    },
    // Whatever the client answers: the exchange has failed (RFC 7628 §3.2.3).
    () => Promise.reject(refusal ?? new AuthError("credentials_invalid", "the token is not valid")),
  );

  async function accountOf(token: string): Promise<Account | undefined> {
    try {
      return await authenticator.source.find(await tokens.userOf(token));
    } catch (error) {
      if (error instanceof AuthError && error.code === "credentials_invalid") return undefined;
      throw error;
    }
  }
}

function done(identity: Extract<SaslStep, { kind: "done" }>["identity"]): SaslStep {
  return { kind: "done", identity, data: undefined };
}
