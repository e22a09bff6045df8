import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "vitest";
import { startLdapServer } from "../../embedded/ldap/server";
import { available, startSlapd } from "../systems/ldap/start";
import type { Start } from "./ldap/lab";
import { ldapSuite } from "./ldap.suite";

const embedded: Start = async ({ policy = "enforced", sizeLimit } = {}) => {
  const folder = mkdtempSync(join(tmpdir(), "labplan-ldap-"));
  const server = await startLdapServer({ folder, policy, ...(sizeLimit ? { sizeLimit } : {}) });
  const password = readFileSync(server.adminPasswordFile, "utf8").trim();
  return {
    endpoint: { url: server.url, bindDn: server.adminDn, password },
    policy,
    stop: async () => {
      await server.close();
      rmSync(folder, { recursive: true });
    },
  };
};

const OVERLAY = { enforced: true, ignored: "unused", absent: false } as const;

const real: Start = async ({ policy = "enforced", sizeLimit } = {}) => {
  const slapd = await startSlapd({ ppolicy: OVERLAY[policy], ...(sizeLimit ? { sizeLimit } : {}) });
  return {
    endpoint: {
      url: slapd.ldapsUrl,
      caFile: slapd.caFile,
      bindDn: slapd.adminDn,
      password: slapd.adminPassword,
    },
    policy,
    stop: slapd.stop,
  };
};

describe("the embedded directory", () => ldapSuite(embedded));

const missing = available();
if (!missing) describe("a real slapd over TLS", () => ldapSuite(real));
else if (process.env.CI)
  describe("a real slapd over TLS", () => {
    it("is there", () => {
      throw new Error(missing);
    });
  });
else {
  console.log(`real slapd: NOT RUN: ${missing}`);
  describe.skip(`a real slapd over TLS (${missing})`, () => ldapSuite(real));
}
