import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Certificates {
  caFile: string;
  certificateFile: string;
  keyFile: string;
}

/** Names that the certificate is for. A check by address needs the address among them. */
export const LOOPBACK_NAMES = "DNS:localhost,IP:127.0.0.1";

/** A CA and a server certificate for loopback, made by openssl in `folder`. */
export function makeCertificates(folder: string, names = LOOPBACK_NAMES): Certificates {
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl(
    "req",
    "-x509",
    ...key,
    "-days",
    "2",
    "-subj",
    "/CN=labplan test CA",
    "-keyout",
    "ca.key",
    "-out",
    "ca.pem",
  );
  openssl("req", ...key, "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr");
  writeFileSync(join(folder, "san"), `subjectAltName=${names}\n`);
  const ca = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
  openssl("x509", "-req", "-in", "server.csr", ...ca, "-days", "2", "-extfile", "san", "-out", "server.pem");
  return {
    caFile: join(folder, "ca.pem"),
    certificateFile: join(folder, "server.pem"),
    keyFile: join(folder, "server.key"),
  };
}
