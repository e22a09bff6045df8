import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accepts, freePort } from "../loopback";
import { endServer } from "../server-process";
import { type Certificates, makeCertificates } from "./tls";

const SLAPD = "/usr/sbin/slapd";

export interface SlapdOptions {
  /**
   * `true`: the overlay and a policy that applies to everyone. `false`: no overlay, so `pwdEndTime` is unknown.
   * `"unused"`: the overlay without any policy, so `pwdEndTime` is accepted and ignored. @default true
   */
  ppolicy?: boolean | "unused";
  /** Largest number of entries of one search for anyone but the root DN. */
  sizeLimit?: number;
  /** Names that the server's certificate is for, as openssl writes them. @default loopback by name and address */
  certificateNames?: string;
}

export interface Slapd {
  /** `ldap://127.0.0.1:port`, StartTLS offered. */
  url: string;
  ldapsUrl: string;
  caFile: string;
  /** An ordinary entry with all rights: the root DN would pass by the password policy. */
  adminDn: string;
  adminPassword: string;
  base: string;
  stop(): Promise<void>;
}

/** Undefined when a private slapd can be started here, else why not. */
export function available(): string | undefined {
  if (!existsSync(SLAPD)) return `${SLAPD} is not installed; test/systems/ldap/install.sh installs it`;
  try {
    execFileSync("openssl", ["version"], { stdio: "pipe" });
  } catch {
    return "openssl is not installed; test/systems/ldap/install.sh installs it";
  }
  return undefined;
}

/** Start a private slapd on loopback with its own configuration, database and certificates. */
export async function startSlapd(options: SlapdOptions = {}): Promise<Slapd> {
  const folder = mkdtempSync(join(tmpdir(), "labplan-slapd-"));
  mkdirSync(join(folder, "data"));
  const certificates = makeCertificates(folder, options.certificateNames);
  const [port, tlsPort] = [await freePort(), await freePort()];
  const adminPassword = randomBytes(12).toString("hex");
  // Ubuntu's AppArmor profile goes by the path of the program, and lets that one read no folder of ours.
  copyFileSync(SLAPD, join(folder, "slapd"));
  writeFileSync(join(folder, "slapd.conf"), configuration(folder, certificates, options), { mode: 0o600 });
  seed(folder, adminPassword, options);

  const url = `ldap://127.0.0.1:${port}`;
  const ldapsUrl = `ldaps://127.0.0.1:${tlsPort}`;
  // `-d 0` keeps it in the foreground, so that it is our child and ends by its pid.
  const child = spawn(
    join(folder, "slapd"),
    ["-f", join(folder, "slapd.conf"), "-h", `${url} ${ldapsUrl}`, "-d", "0"],
    {
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  let complaint = "";
  child.stderr.on("data", (bytes) => {
    complaint += bytes;
  });
  const stop = async () => {
    await endServer(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await listening(port, child, () => complaint);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, ldapsUrl, caFile: certificates.caFile, adminDn: ADMIN, adminPassword, base: BASE, stop };
}

const BASE = "dc=lab";
const ADMIN = "cn=labplan,dc=lab";

function configuration(folder: string, tls: Certificates, options: SlapdOptions): string {
  const { ppolicy = true, sizeLimit } = options;
  return `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
${ppolicy ? "moduleload ppolicy" : ""}
pidfile ${folder}/slapd.pid
argsfile ${folder}/slapd.args
TLSCACertificateFile ${tls.caFile}
TLSCertificateFile ${tls.certificateFile}
TLSCertificateKeyFile ${tls.keyFile}
password-hash {SSHA}
threads 2
${sizeLimit ? `sizelimit size.soft=${sizeLimit} size.hard=${sizeLimit} size.prtotal=${sizeLimit}` : "sizelimit unlimited"}
database mdb
suffix "${BASE}"
rootdn "cn=root,${BASE}"
directory ${folder}/data
maxsize 67108864
dbnosync
index objectClass,uid,cn,member,uniqueMember,labeledURI eq
${ppolicy ? "overlay ppolicy" : ""}
${ppolicy === true ? `ppolicy_default "cn=default,ou=Policies,${BASE}"` : ""}
access to attrs=userPassword by dn.exact="${ADMIN}" write by anonymous auth by self write by * none
access to * by dn.exact="${ADMIN}" write by users read by * none
`;
}

/** The same entries as the embedded server begins with, and the policy. Loaded before the start, without a bind. */
function seed(folder: string, adminPassword: string, options: SlapdOptions): void {
  const salt = randomBytes(8);
  const digest = createHash("sha1").update(adminPassword).update(salt).digest();
  const hash = `{SSHA}${Buffer.concat([digest, salt]).toString("base64")}`;
  const policy = `
dn: ou=Policies,${BASE}
objectClass: organizationalUnit
ou: Policies

dn: cn=default,ou=Policies,${BASE}
objectClass: device
objectClass: pwdPolicy
cn: default
pwdAttribute: userPassword
pwdLockout: TRUE
pwdMaxFailure: 50
pwdMinLength: 12
pwdCheckQuality: 2
`;
  const ldif = `
dn: ${BASE}
objectClass: organization
objectClass: dcObject
dc: lab
o: lab

dn: ${ADMIN}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: labplan
userPassword: ${hash}

dn: ou=People,${BASE}
objectClass: organizationalUnit
ou: People

dn: ou=Groups,${BASE}
objectClass: organizationalUnit
ou: Groups

dn: cn=vpn,ou=Groups,${BASE}
objectClass: groupOfUniqueNames
cn: vpn
uniqueMember: ${ADMIN}
${options.ppolicy === undefined || options.ppolicy === true ? policy : ""}`;
  execFileSync(join(folder, "slapd"), ["-Tadd", "-q", "-f", join(folder, "slapd.conf"), "-b", BASE], {
    input: ldif,
    stdio: ["pipe", "pipe", "pipe"],
  });
}

async function listening(port: number, child: ChildProcess, complaint: () => string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) throw new Error(`slapd ended with ${child.exitCode}: ${complaint()}`);
    if (await accepts(port)) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`slapd did not listen on port ${port} within 5 s: ${complaint()}`);
}
