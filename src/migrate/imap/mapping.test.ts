import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Folder, FolderList } from "../../imap/client-folders.ts";
import { mapFolders, type MappingRules, NO_RULES, type TargetNames } from "./mapping.ts";

const NAMES: TargetNames = {
  legalLevel: (level) => level.replaceAll("/", "_"),
  bySpecialUse: new Map(),
  foldsCase: false,
};

function folder(name: string, separator = "/", attributes: readonly string[] = []): Folder {
  return {
    name,
    wireName: Buffer.from(name),
    path: name.split(separator),
    separator,
    attributes: new Set(attributes),
    isSelectable: !attributes.includes("noselect"),
    isSubscribed: false,
    specialUse: attributes.find((attribute) => ["sent", "trash", "all", "flagged"].includes(attribute)),
    status: undefined,
  };
}

function list(folders: readonly Folder[], part: Partial<FolderList> = {}): FolderList {
  return { folders, personalPrefix: "", foreignPrefixes: [], separator: "/", ...part };
}

function map(folders: FolderList, rules: Partial<MappingRules> = {}, names = NAMES): Record<string, string> {
  const { targets } = mapFolders(folders, { ...NO_RULES, ...rules }, names);
  return Object.fromEntries([...targets].map(([name, path]) => [name, path.join("/")]));
}

test("mapping: the personal namespace's prefix goes, INBOX stays", () => {
  const folders = ["INBOX", "INBOX.Sent", "INBOX.a.b", "inbox.lower"].map((name) => folder(name, "."));
  assert.deepEqual(map(list(folders, { personalPrefix: "INBOX.", separator: "." })), {
    INBOX: "INBOX",
    "INBOX.Sent": "Sent",
    "INBOX.a.b": "a/b",
    "inbox.lower": "lower",
  });
});

test("mapping: names that fall together are told apart, alike in every run", () => {
  const folders = [folder("INBOX.Sent", "."), folder("Sent", "."), folder("a/b", "."), folder("a_b", ".")];
  const names = list(folders, { personalPrefix: "INBOX.", separator: "." });
  assert.deepEqual(map(names), {
    "INBOX.Sent": "Sent",
    Sent: "Sent (2)",
    "a/b": "a_b",
    a_b: "a_b (2)",
  });
  const cased = list([folder("News"), folder("news")]);
  assert.deepEqual(map(cased), { News: "News", news: "news" });
  assert.deepEqual(map(cased, {}, { ...NAMES, foldsCase: true }), { News: "News", news: "news (2)" });
});

test("mapping: what was decided stays, whatever comes later", () => {
  const decided = new Map([["b", ["x"]]]);
  const { targets } = mapFolders(list([folder("a"), folder("x"), folder("b")]), NO_RULES, NAMES, decided);
  assert.deepEqual(Object.fromEntries(targets), { a: ["a"], x: ["x (2)"], b: ["x"] });
});

test("mapping: excludes take what is below along, INBOX alone", () => {
  const folders = list(
    ["INBOX", "INBOX/x", "Trash", "Trash/old", "Spam1", "Spam2"].map((name) => folder(name)),
  );
  const left = (excludes: readonly string[]): string[] => [
    ...mapFolders(folders, { ...NO_RULES, excludes }, NAMES).left.keys(),
  ];
  assert.deepEqual(left(["Trash"]), ["Trash", "Trash/old"]);
  assert.deepEqual(left(["inbox"]), ["INBOX"]);
  assert.deepEqual(left(["Spam%"]), ["Spam1", "Spam2"]);
  assert.deepEqual(left(["*"]).length, 6);
  assert.deepEqual(left(["Tra"]), []);
});

test("mapping: special uses find each other, views and parents stay behind, others' folders too", () => {
  const folders = list(
    [
      folder("Sent Items", "/", ["sent"]),
      folder("All", "/", ["all"]),
      folder("Star", "/", ["flagged"]),
      folder("Top", "/", ["noselect"]),
      folder("Other Users/bob"),
    ],
    { foreignPrefixes: ["Other Users/"] },
  );
  const names = { ...NAMES, bySpecialUse: new Map([["sent", ["Sent"]]]) };
  assert.deepEqual(map(folders, {}, names), { "Sent Items": "Sent" });
  assert.deepEqual(map(folders, { automap: false, allMailIsArchive: true, withForeign: true }, names), {
    "Sent Items": "Sent Items",
    All: "Archive",
    "Other Users/bob": "Other Users/bob",
  });
});

test("mapping: renames and prefixes", () => {
  const folders = list([folder("INBOX"), folder("Projects/2023"), folder("Keep")]);
  const rules = {
    targetPrefix: ["Old"],
    renames: [{ pattern: /^Projects\/(\d+)$/u, to: "Archive/$1" }],
  };
  assert.deepEqual(map(folders, rules), {
    INBOX: "INBOX",
    "Projects/2023": "Old/Archive/2023",
    Keep: "Old/Keep",
  });
});

test("mapping: whatever the names, two folders never become one", () => {
  const name = fc.stringMatching(/^[aAbB/.]{1,6}$/);
  fc.assert(
    fc.property(fc.uniqueArray(name, { maxLength: 12 }), fc.boolean(), (all, foldsCase) => {
      const { targets } = mapFolders(list(all.map((one) => folder(one))), NO_RULES, { ...NAMES, foldsCase });
      const keys = [...targets.values()].map((path) => {
        const key = path.join("\0");
        return foldsCase ? key.toLowerCase() : key;
      });
      assert.equal(new Set(keys).size, keys.length);
      assert.equal(keys.length, all.length);
    }),
  );
});
