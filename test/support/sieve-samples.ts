/** Random scripts and messages that exercise most tests and actions, for comparing Sieve implementations. */
import fc from "fast-check";

const WORDS = ["alpha", "Beta", "gamma-7", "urgent", "[list]", "x*y", "10", "9", "grün"];
const ADDRESSES = ["bob@remote.test", "Bob+work@Remote.test", "carol@there.test", "news-request@l.test"];
const FIELDS = ["subject", "from", "to", "cc", "x-tag", "list-id"];
// Not INBOX: after `fileinto :copy "INBOX"` Pigeonhole reports a second copy for the implicit keep, Rookery makes one.
const FOLDERS = ["Work", "Lists/New", "Junk"];
const FLAGS = ["\\\\Seen", "\\\\Flagged", "work", "$Label1"];

const REQUIRE =
  'require ["fileinto", "copy", "envelope", "imap4flags", "relational", "comparator-i;ascii-numeric", "subaddress", ' +
  '"variables", "regex", "body", "date", "index", "encoded-character"];\n';

const quote = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`;
const word = fc.constantFrom(...WORDS);
const field = fc.constantFrom(...FIELDS);
const list = (item: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.array(item, { minLength: 1, maxLength: 3 }).map((items) => `[${items.map(quote).join(", ")}]`);
const match = fc.constantFrom(":is", ":contains", ":matches");
const glob = fc.constantFrom("*", "*a*", "?eta", "a*a", "*-?", "* *", "[*]*", "re: *");

const addressTest = fc
  .tuple(
    fc.constantFrom("address", "envelope"),
    fc.constantFrom(":all", ":localpart", ":domain", ":user", ":detail"),
    match,
    fc.constantFrom("from", "to"),
    list(fc.constantFrom("bob", "remote.test", "work", "bob@remote.test", "*e*", "carol", "alice")),
  )
  .map(([test, part, kind, name, keys]) => `${test} ${part} ${kind} "${name}" ${keys}`);

const simpleTest = fc.oneof(
  fc
    .tuple(match, list(field), list(fc.oneof(word, glob)))
    .map(([kind, names, keys]) => `header ${kind} ${names} ${keys}`),
  addressTest,
  list(field).map((names) => `exists ${names}`),
  fc
    .tuple(fc.constantFrom(":over", ":under"), fc.constantFrom("10", "200", "300", "1K", "2M"))
    .map(([how, size]) => `size ${how} ${size}`),
  fc
    .tuple(fc.constantFrom("gt", "ge", "lt", "eq", "ne"), list(field), fc.constantFrom("0", "1", "2"))
    .map(([how, names, count]) => `header :count "${how}" :comparator "i;ascii-numeric" ${names} "${count}"`),
  fc
    .tuple(fc.constantFrom("gt", "le", "eq"), fc.constantFrom("5", "9", "10"))
    .map(([how, value]) => `header :value "${how}" :comparator "i;ascii-numeric" "x-tag" "${value}"`),
  fc
    .tuple(field, fc.constantFrom("^a", "[a-g]+-[0-9]", "(re|fwd): ", "urgent$", "^[^@]+$"))
    .map(([name, pattern]) => `header :regex "${name}" ${quote(pattern)}`),
  word.map((key) => `body :text :contains ${quote(key)}`),
  fc
    .tuple(fc.constantFrom("year", "month", "weekday", "hour"), fc.constantFrom("2026", "01", "4", "10"))
    .map(([part, value]) => `date :originalzone "date" "${part}" "${value}"`),
  fc
    .tuple(fc.constantFrom("1", "2"), fc.boolean(), word)
    .map(
      ([index, last, key]) => `header :index ${index}${last ? " :last" : ""} :contains "x-tag" ${quote(key)}`,
    ),
  fc.tuple(match, word).map(([kind, key]) => `string ${kind} "\${seen}" ${quote(key)}`),
  list(fc.constantFrom(...FLAGS).map((flag) => flag.replace("\\\\", "\\"))).map(
    (flags) => `hasflag ${flags}`,
  ),
  fc.constantFrom("true", "false"),
);

const test: fc.Arbitrary<string> = fc.oneof(
  { weight: 5, arbitrary: simpleTest },
  simpleTest.map((one) => `not ${one}`),
  fc
    .tuple(fc.constantFrom("anyof", "allof"), fc.array(simpleTest, { minLength: 1, maxLength: 3 }))
    .map(([how, tests]) => `${how} (${tests.join(", ")})`),
);

const flags = fc.option(fc.constantFrom(...FLAGS), { nil: undefined });
const action = fc.oneof(
  flags.map((flag) => (flag === undefined ? "keep;" : `keep :flags "${flag}";`)),
  fc
    .tuple(flags, fc.boolean(), fc.constantFrom(...FOLDERS))
    .map(
      ([flag, copy, folder]) =>
        `fileinto${flag === undefined ? "" : ` :flags "${flag}"`}${copy ? " :copy" : ""} "${folder}";`,
    ),
  // Not one address both ways: then Pigeonhole goes on keeping, while RFC 3894 §3 has the plain one cancel that.
  fc.constantFrom('redirect :copy "r1@x.test";', 'redirect "r2@x.test";'),
  fc.constantFrom("discard;", "stop;"),
  fc
    .tuple(fc.constantFrom("addflag", "setflag", "removeflag"), fc.constantFrom(...FLAGS))
    .map(([how, flag]) => `${how} "${flag}";`),
  fc
    .tuple(
      fc.constantFrom("", ":upper", ":lower", ":length", ":lowerfirst :upper"),
      fc.constantFrom("${1}", "alpha", "Beta ${seen}"),
    )
    .map(
      ([modifier, value]) =>
        `set ${modifier === ":lowerfirst :upper" ? ":lowerfirst" : modifier} "seen" "${value}";`,
    ),
);

const statement = fc.oneof(
  action,
  fc
    .tuple(
      test,
      fc.array(action, { minLength: 1, maxLength: 2 }),
      fc.option(test, { nil: undefined }),
      fc.array(action, { maxLength: 2 }),
    )
    .map(([first, then, second, other]) => {
      const elsif = second === undefined ? "" : ` elsif ${second} { ${other.join(" ")} }`;
      return `if ${first} { ${then.join(" ")} }${elsif} else { ${other.join(" ")} }`;
    }),
);

export const sampleScript: fc.Arbitrary<string> = fc
  .array(statement, { minLength: 1, maxLength: 6 })
  .map((statements) => REQUIRE + statements.join("\n") + "\n");

const MORE_REQUIRE =
  'require ["reject", "vacation", "vacation-seconds", "editheader", "enotify", "mailbox", "ihave", "foreverypart", "mime", ' +
  '"extracttext", "environment"];\n';

const optional = (of: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.option(of, { nil: "" }).map((text) => (text === "" ? "" : `${text}\n`));

const headerEdit = fc.oneof(
  fc
    .tuple(fc.constantFrom("", ":last "), word)
    .map(([where, key]) => `addheader ${where}"X-Tag" ${quote(key)};`),
  fc.tuple(match, word).map(([kind, key]) => `deleteheader ${kind} "X-Tag" ${quote(key)};`),
  fc.constantFrom("1", "2", "1 :last").map((index) => `deleteheader :index ${index} "x-tag";`),
);

const partLoop = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(":type", ":subtype", ":contenttype"),
      fc.constantFrom("text", "html", "text/plain", "image"),
    )
    .map(
      ([what, key]) =>
        `foreverypart { if header :mime ${what} :is "content-type" "${key}" { addflag "part"; break; } }`,
    ),
  fc
    // Not "*", which Pigeonhole finds in a parameter that is not there.
    .tuple(
      fc.constantFrom("name", "filename"),
      glob.filter((key) => key !== "*"),
    )
    .map(
      ([parameter, key]) =>
        `foreverypart { if header :mime :param "${parameter}" :matches ["content-type", "content-disposition"] ${quote(key)} { fileinto :create "Attached"; } }`,
    ),
  fc
    .constantFrom(5, 20)
    .map(
      (count) =>
        `foreverypart { if header :mime :contenttype :is "content-type" "text/plain" { extracttext :first ${count} "seen"; } }`,
    ),
);

const refusal = test.map((one) => `if ${one} { reject "No, thank you."; stop; }`);
const guarded = fc.oneof(
  word.map((key) => `if not mailboxexists "Nope" { set "seen" ${quote(key)}; }`),
  fc.constantFrom(
    'if ihave "nonsense" { discard; stop; }',
    'if environment :is "nonsense" "x" { discard; stop; }',
  ),
);
const answer = fc
  .tuple(fc.constantFrom("", ":days 3 ", ":seconds 600 "), fc.constantFrom("", ':handle "h" '), word)
  .map(([period, handle, subject]) => `vacation ${period}${handle}:subject ${quote(subject)} "Gone.";`);
const notice = fc
  .tuple(fc.constantFrom("", ':importance "1" '), word)
  .map(([importance, text]) => `notify ${importance}:message ${quote(text)} "mailto:boss@x.test";`);

/**
 * With answers, refusals, header edits and parts besides: what only Pigeonhole has of the peers. It measures a message
 * whose header was edited as it is then, Rookery as it came.
 */
export const longScript: fc.Arbitrary<string> = fc
  .tuple(
    fc.array(headerEdit, { maxLength: 3 }).map((edits) => edits.join("\n")),
    optional(partLoop),
    optional(guarded),
    optional(refusal),
    fc.array(statement, { maxLength: 4 }).map((statements) => statements.join("\n")),
    optional(answer),
    optional(notice),
  )
  .map((pieces) => REQUIRE + MORE_REQUIRE + pieces.join("\n"))
  .filter(
    (script) => !mixesCopies(script) && !(/ size /.test(script) && /(?:add|delete)header/.test(script)),
  );

/** Plain text, its alternative in HTML and an attachment. */
export const sampleMultipart: fc.Arbitrary<string> = fc
  .tuple(word, fc.array(word, { maxLength: 3 }), fc.constantFrom("report.txt", "Beta", "x*y.png"))
  .map(([subject, tags, name]) =>
    [
      "Date: Thu, 01 Jan 2026 10:00:00 +0100",
      "From: <bob@remote.test>",
      "To: alice+work@example.test",
      `Subject: ${subject === "grün" ? "gruen" : subject}`,
      "Message-ID: <2@remote.test>",
      ...tags.map((tag) => `X-Tag: ${tag === "grün" ? "gruen" : tag}`),
      "MIME-Version: 1.0",
      'Content-Type: multipart/mixed; boundary="m"',
      "",
      "--m",
      'Content-Type: multipart/alternative; boundary="a"',
      "",
      "--a",
      "Content-Type: text/plain; charset=utf-8",
      "",
      "Beta and alpha",
      "--a",
      "Content-Type: text/html; charset=utf-8",
      "",
      "<p>Beta and alpha</p>",
      "--a--",
      "--m",
      `Content-Type: image/png; name="${name}"`,
      `Content-Disposition: attachment; filename="${name}"`,
      "Content-Transfer-Encoding: base64",
      "",
      "iVBORw0KGgo=",
      "--m--",
      "",
    ].join("\r\n"),
  );

export const sampleMessage: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom(...ADDRESSES),
    fc.array(fc.constantFrom("alice@example.test", "carol@there.test", "alice+work@example.test"), {
      minLength: 1,
      maxLength: 2,
    }),
    fc.array(word, { minLength: 1, maxLength: 3 }),
    fc.array(word, { maxLength: 2 }),
    fc.boolean(),
    word,
  )
  .map(([from, to, subject, tags, isList, body]) => {
    const lines = [
      "Date: Thu, 01 Jan 2026 10:00:00 +0100",
      `From: "Bob, the" <${from}>`,
      `To: ${to.join(", ")}`,
      `Subject: ${subject.map((text) => (text === "grün" ? "=?utf-8?q?gr=C3=BCn?=" : text)).join(" ")}`,
      "Message-ID: <1@remote.test>",
      ...tags.map((tag) => `X-Tag: ${tag === "grün" ? "gruen" : tag}`),
      ...(isList ? ["List-Id: <alpha.list>"] : []),
      "MIME-Version: 1.0",
      "Content-Type: text/plain; charset=utf-8",
      "Content-Transfer-Encoding: 8bit",
    ];
    return `${lines.join("\r\n")}\r\n\r\nHello ${body}\r\n`;
  });

/**
 * A mailbox that is filed into with and without :copy cancels the implicit keep at Rookery (RFC 3894 §3); Pigeonhole and
 * Cyrus go on keeping.
 */
export function mixesCopies(script: string): boolean {
  const actions = script.match(/fileinto [^;]*;/g) ?? [];
  return FOLDERS.some((folder) => {
    const ways = actions.filter((one) => one.endsWith(`"${folder}";`)).map((one) => one.includes(":copy"));
    return new Set(ways).size > 1;
  });
}
