import { deepEqual, equal, notEqual, rejects, throws } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { escapeSaslName, parseGs2Header, printGs2Header, unescapeSaslName } from "./gs2-header.ts";
import { SaslError } from "./sasl-error.ts";
import { ScramClient, type ScramClientOptions } from "./scram-client.ts";
import { SaltedPasswords } from "./salted-passwords.ts";
import { makeScramKeys, type ScramKeys } from "./scram-keys.ts";
import { parseClientFinal, parseClientFirst, parseServerFinal, parseServerFirst } from "./scram-message.ts";
import { ScramServer, type ScramServerOptions } from "./scram-server.ts";

const CLIENT_NONCE = "rOprNGfwEbeRWgbNEkqO";
const SERVER_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const SALT = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
const KEYS = await makeScramKeys("pencil", SALT, 4096);

function server(options: Partial<ScramServerOptions> = {}): ScramServer {
  return new ScramServer({
    mechanism: "SCRAM-SHA-256",
    plusOffered: false,
    channelBinding: () => undefined,
    nonce: SERVER_NONCE,
    ...options,
  });
}

function client(options: Partial<ScramClientOptions> = {}): ScramClient {
  return new ScramClient({
    username: "user",
    password: "pencil",
    authzid: "",
    channelBinding: undefined,
    couldBind: false,
    nonce: CLIENT_NONCE,
    ...options,
  });
}

const code = (expected: string) => (error: unknown) => error instanceof SaslError && error.code === expected;

test("both sides speak the exchange of RFC 7677 §3 byte by byte", async () => {
  const [left, right] = [client(), server()];
  equal(left.firstMessage().toString(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
  deepEqual(right.receiveFirst(left.firstMessage()), { username: "user", authzid: "" });
  const challenge = right.challenge(KEYS);
  equal(
    challenge.toString(),
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
  );
  const final = await left.finalMessage(challenge);
  equal(
    final.toString(),
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
  );
  const verdict = right.receiveFinal(final, KEYS);
  equal(verdict?.toString(), "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  left.verify(verdict ?? Buffer.alloc(0));
  equal(left.verified, true);
});

test("a salted password that is kept serves the next login, and no other password or salt", async () => {
  const saltedPasswords = new SaltedPasswords();
  const logIn = async (password: string, keys: ScramKeys): Promise<boolean> => {
    const [left, right] = [client({ password, saltedPasswords }), server()];
    right.receiveFirst(left.firstMessage());
    return right.receiveFinal(await left.finalMessage(right.challenge(keys)), keys) !== undefined;
  };
  const others = await makeScramKeys("pencil", Buffer.from("another salt"), 4096);
  const once = saltedPasswords.get("pencil", SALT, 4096);
  equal(saltedPasswords.get("pencil", SALT, 4096), once);
  notEqual(saltedPasswords.get("pencil", SALT, 4097), once);
  equal(await logIn("pencil", KEYS), true);
  equal(await logIn("pencil", KEYS), true);
  equal(await logIn("pencil", others), true);
  equal(await logIn("pen", KEYS), false);
});

test("a wrong password has no verdict, and a server without the keys is found out", async () => {
  const [left, right] = [client({ password: "pencils" }), server()];
  right.receiveFirst(left.firstMessage());
  const final = await left.finalMessage(right.challenge(KEYS));
  equal(right.receiveFinal(final, KEYS), undefined);
  throws(
    () => left.verify(Buffer.from("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")),
    code("server_invalid"),
  );
  throws(() => left.verify(Buffer.from("e=invalid-proof")), code("refused"));
});

test("SCRAM-PLUS binds to the TLS session and carries an authzid", async () => {
  const data = Buffer.from("exported keying material");
  const binding = { type: "tls-exporter", data } as const;
  const bound = {
    mechanism: "SCRAM-SHA-256-PLUS",
    plusOffered: true,
    channelBinding: (type: string) => (type === "tls-exporter" ? data : undefined),
  } as const;
  const [left, right] = [client({ channelBinding: binding, authzid: "a,b=c" }), server(bound)];
  deepEqual(right.receiveFirst(left.firstMessage()), { username: "user", authzid: "a,b=c" });
  const verdict = right.receiveFinal(await left.finalMessage(right.challenge(KEYS)), KEYS);
  left.verify(verdict ?? Buffer.alloc(0));

  const middle = client({ channelBinding: { type: "tls-exporter", data: Buffer.from("another session") } });
  const other = server(bound);
  other.receiveFirst(middle.firstMessage());
  const final = await middle.finalMessage(other.challenge(KEYS));
  throws(() => other.receiveFinal(final, KEYS), code("channel_binding"));

  const unsupported = client({ channelBinding: { type: "tls-server-end-point", data } });
  throws(() => server(bound).receiveFirst(unsupported.firstMessage()), code("channel_binding"));
});

test("the y flag uncovers a removed offer of SCRAM-PLUS", () => {
  const first = client({ couldBind: true }).firstMessage();
  equal(first.toString().slice(0, 2), "y,");
  throws(() => server({ plusOffered: true }).receiveFirst(first), code("channel_binding"));
  equal(server({ plusOffered: false }).receiveFirst(first).username, "user");
  throws(() => server({ mechanism: "SCRAM-SHA-256-PLUS" }).receiveFirst(first), code("malformed"));
  const plus = client({ channelBinding: { type: "tls-exporter", data: SALT } }).firstMessage();
  throws(() => server().receiveFirst(plus), code("malformed"));
});

test("the client refuses a foreign nonce and too few iterations", async () => {
  const foreign = Buffer.from(`r=x${CLIENT_NONCE}y,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`);
  await rejects(client().finalMessage(foreign), code("server_invalid"));
  const cheap = Buffer.from(`r=${CLIENT_NONCE}y,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4095`);
  await rejects(client().finalMessage(cheap), code("server_invalid"));
});

for (const bad of [
  "",
  "n,",
  "n,,",
  "n,,n=user",
  "n,,n=,r=x",
  "n,,n=us=er,r=x",
  "n,,n=user,r=",
  "n,,n=user,r=a b",
  "x,,n=user,r=a",
  "p=,,n=user,r=a",
  "n,b=x,n=user,r=a",
  "n,,m=1,n=user,r=a",
  "n,,n=user,r=a,m=1",
  "n,,n=user,r=a\0",
]) {
  test(`the server refuses the client-first ${JSON.stringify(bad)}`, () => {
    throws(() => server().receiveFirst(Buffer.from(bad)), code("malformed"));
  });
}

for (const bad of [
  "",
  "c=biws,r=x",
  "c=biw,r=x,p=AAAA",
  "c=biws,p=AAAA",
  "c=biws,r=x,p=A*AA",
  "r=x,c=biws,p=AAAA",
]) {
  test(`the server refuses the client-final ${JSON.stringify(bad)}`, () => {
    throws(() => parseClientFinal(Buffer.from(bad)), code("malformed"));
  });
}

test("an empty authzid is none, and binds as it came (GNU SASL 2.2.0)", () => {
  const right = server();
  const bare = `n=user,r=${CLIENT_NONCE}`;
  deepEqual(right.receiveFirst(Buffer.from(`n,a=,${bare}`)), { username: "user", authzid: "" });
  const challenge = right.challenge(KEYS).toString();
  const withoutProof = `c=${Buffer.from("n,a=,").toString("base64")},r=${CLIENT_NONCE}${SERVER_NONCE}`;
  const wrongProof = Buffer.alloc(32).toString("base64");
  // No verdict means that the binding was right and the proof was looked at.
  equal(right.receiveFinal(Buffer.from(`${withoutProof},p=${wrongProof}`), KEYS), undefined);
  throws(
    () =>
      right.receiveFinal(Buffer.from(`${withoutProof.replace(/^c=[^,]*/, "c=biws")},p=${wrongProof}`), KEYS),
    code("channel_binding"),
  );
  equal(challenge.startsWith(`r=${CLIENT_NONCE}${SERVER_NONCE},`), true);
});

test("GS2 headers and names survive printing and reading", () => {
  const name = fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0"));
  fc.assert(
    fc.property(
      name,
      fc.constantFrom("n" as const, "y" as const, { type: "tls-exporter" }),
      (authzid, binding) => {
        equal(unescapeSaslName(escapeSaslName(authzid)), authzid);
        const printed = printGs2Header({ authzid, binding });
        deepEqual(parseGs2Header(`${printed}rest`), { header: { authzid, binding }, length: printed.length });
      },
    ),
  );
});

test("hostile bytes end in SaslError, whatever the parser", () => {
  const parsers = [parseClientFirst, parseClientFinal, parseServerFinal].map(
    (parse) => (bytes: Uint8Array) => void parse(bytes),
  );
  parsers.push((bytes) => void parseServerFirst(Buffer.from(bytes).toString("latin1")));
  const hostile = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.stringMatching(/^[nypacrsivme=,+/A-D0-9\0]{0,60}$/).map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(hostile, fc.nat({ max: parsers.length - 1 }), (bytes, index) => {
      try {
        parsers[index]?.(bytes);
      } catch (error) {
        notEqual(error instanceof SaslError, false);
      }
    }),
    { numRuns: 2000 },
  );
});
