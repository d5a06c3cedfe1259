/** Settings of a directory for tests: the options' own defaults but for what is given, and cheap hashes. */
import { NetworkList } from "../../src/base/networks.ts";
import type { LdapSettings } from "../../src/directory/ldap/ldap-options.ts";
import { SASL_MECHANISMS, type DirectorySettings } from "../../src/directory/options.ts";

export function directorySettings(changes: Partial<DirectorySettings> = {}): DirectorySettings {
  return {
    backend: "embedded",
    defaultdomain: "example.test",
    domains: [],
    plusSeparator: "+",
    postuser: "",
    admins: [],
    proxyservers: [],
    adminsMayProxy: true,
    allowplaintext: false,
    mechanisms: SASL_MECHANISMS,
    defaultQuotaBytes: 0,
    argon2MemoryBytes: 64 * 1024,
    argon2Passes: 1,
    argon2Lanes: 1,
    hashConcurrency: 2,
    scramIterations: 4096,
    credentialCacheTimeMs: 600_000,
    credentialCacheUsers: 100,
    failedLoginFree: 3,
    failedLoginDelayMs: 1000,
    failedLoginMaxDelayMs: 15_000,
    failedLoginRefuse: 100,
    failedLoginMemoryMs: 900_000,
    failedLoginExempt: new NetworkList([]),
    ...changes,
  };
}

export function ldapSettings(changes: Partial<LdapSettings>): LdapSettings {
  return {
    url: "ldap://127.0.0.1",
    startTls: true,
    caFile: undefined,
    bindDn: "",
    bindPassword: undefined,
    base: "",
    userFilter: "(&(objectClass=inetOrgPerson)(uid={user}))",
    addressFilter: "(&(objectClass=inetOrgPerson)(|(mail={address})(mailLocalAddress={address})))",
    userAttribute: "uid",
    nameAttribute: "cn",
    mailAttribute: "mail",
    aliasAttribute: "mailLocalAddress",
    quotaAttribute: "",
    disabledFilter: "",
    memberOfAttribute: "",
    groupBase: "",
    groupFilter: "(&(objectClass=groupOfNames)(member={dn}))",
    groupAttribute: "cn",
    groupAddressFilter: "",
    groupMemberAttribute: "member",
    adminGroup: "",
    proxyGroup: "",
    maxConnections: 4,
    timeoutMs: 5000,
    retryDelayMs: 1000,
    cacheTimeMs: 60_000,
    cacheUsers: 100,
    ...changes,
  };
}
