import { deepEqual, equal } from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type LdapRecord, ROOT_DN, ROOT_PASSWORD, Slapd, slapdMissing } from "../../../test/support/slapd.ts";
import { systemClock } from "../../base/io/clock.ts";
import { silentLog } from "../../base/log.ts";
import { Secret } from "../../base/secret.ts";
import { LdapPeople } from "./ldap-people.ts";

const skip = slapdMissing() ?? false;
const SUFFIX = "dc=example,dc=test";
const person = (uid: string, sn: string, more: LdapRecord["attributes"] = {}): LdapRecord => ({
  dn: `uid=${uid},${SUFFIX}`,
  attributes: {
    objectClass: "inetOrgPerson",
    uid,
    cn: `Given ${sn}`,
    givenName: "Given",
    sn,
    mail: `${uid}@example.test`,
    ...more,
  },
});

const folder = mkdtempSync(join(tmpdir(), "rookery-people-"));
let slapd: Slapd | undefined;
let people: LdapPeople | undefined;

before(async () => {
  if (skip !== false) return;
  slapd = await Slapd.start(folder, [
    { dn: SUFFIX, attributes: { objectClass: ["dcObject", "organization"], dc: "example", o: "example" } },
    person("zoe", "Zürcher", {
      telephoneNumber: "+41 1",
      mobile: "+41 2",
      title: "Postmaster",
      o: "Rookery",
    }),
    ...Array.from({ length: 30 }, (_, i) => person(`user${i}`, `Common${i}`)),
  ]);
  people = new LdapPeople(
    {
      url: `ldap://127.0.0.1:${slapd.port}`,
      base: "dc=%d,dc=test",
      filter: "(&(objectClass=inetOrgPerson)(|(mail=%q*)(sn=%q*)(givenName=%q*)))",
      limit: 20,
      startTls: false,
      caFile: undefined,
      bindDn: ROOT_DN,
      bindPassword: new Secret(ROOT_PASSWORD),
      timeoutMs: 5_000,
    },
    systemClock,
    silentLog,
  );
});

after(async () => {
  people?.close();
  await slapd?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test(
  "finds by the beginning of a name or address, %q and %d filled in (S2.19, S2.21)",
  { skip },
  async () => {
    const { people: found } = await people!.search("Zür", "example", 100);
    deepEqual(found, [
      {
        displayName: "Given Zürcher",
        address: "zoe@example.test",
        firstName: "Given",
        lastName: "Zürcher",
        alias: "zoe",
        phone: "+41 1",
        mobilePhone: "+41 2",
        homePhone: "",
        office: "",
        company: "Rookery",
        title: "Postmaster",
      },
    ]);
  },
);

test("gives no more than the limit (S2.22)", { skip }, async () => {
  equal((await people!.search("Common", "example", 100)).people.length, 20);
  equal((await people!.search("Common", "example", 5)).people.length, 5);
});

test("what is typed is no filter", { skip }, async () => {
  for (const query of ["*", "*)(uid=*", "a\\", "(", "\0", ")(|(sn=*"]) {
    deepEqual(await people!.search(query, "example", 10), { total: 0, people: [] }, query);
  }
});

test("no photo is no error", { skip }, async () => {
  equal(await people!.photo("zoe@example.test", "example"), undefined);
});
