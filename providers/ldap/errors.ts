import { ResultCodeError } from "ldapts";
import { BackendError, LabError } from "../core/errors";

/** What went wrong, in the words that the messages are chosen by. */
export type LdapFailure =
  | "missing"
  | "taken"
  | "wrong-password"
  | "unreachable"
  | "untrusted"
  | "insecure"
  | "rights"
  | "schema"
  | "policy"
  | "size-limit"
  | "busy"
  | "late"
  | "value-exists"
  | "no-such-value"
  | "unknown-attribute"
  | "not-empty"
  | "syntax"
  | "refused";

/** A failed call to a directory: what failed, and a message for the user that holds no secret. */
export class LdapError extends BackendError {
  override readonly name = "LdapError";
  constructor(
    readonly failure: LdapFailure,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export const isFailure = (error: unknown, ...failures: LdapFailure[]): error is LdapError =>
  error instanceof LdapError && failures.includes(error.failure);

/** LDAP result codes (RFC 4511, appendix A) that have a message of their own. */
const RESULT: Record<number, LdapFailure> = {
  3: "late",
  4: "size-limit",
  8: "insecure",
  11: "size-limit",
  13: "insecure",
  16: "no-such-value",
  17: "unknown-attribute",
  19: "policy",
  20: "value-exists",
  21: "syntax",
  32: "missing",
  34: "syntax",
  48: "wrong-password",
  49: "wrong-password",
  50: "rights",
  51: "busy",
  52: "busy",
  64: "schema",
  65: "schema",
  66: "not-empty",
  67: "schema",
  68: "taken",
  69: "schema",
};

const UNTRUSTED = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "CERT_UNTRUSTED",
  "CERT_SIGNATURE_FAILURE",
  "ERR_TLS_CERT_ALTNAME_INVALID",
]);

/** What the failing call was about, for the message. */
export interface Attempt {
  /** The server, as in the config. */
  url: string;
  /** DN that we bound as, or tried to. */
  bindDn?: string | undefined;
  /** The entry. */
  dn?: string | undefined;
  action: "connect" | "bind" | "read" | "add" | "change" | "rename" | "delete" | "set the password of";
}

const MESSAGES: Record<LdapFailure, (attempt: Attempt, detail: string) => string> = {
  missing: ({ url, dn, action }, detail) =>
    action === "add" || action === "rename"
      ? `${dn}: its parent entry does not exist in ${url}. Create it, or correct "base" in labplan:vpn.`
      : `${dn}: no such entry in ${url}${detail}.`,
  taken: ({ url, dn }) =>
    `${dn}: the name is taken in ${url}. Choose another name, or set "adopt: true" to take the entry over.`,
  "wrong-password": ({ url, bindDn }) =>
    `${url} refused the name or password of ${bindDn ?? "an anonymous bind"}. Check "bindDn" and "password" of the backend.`,
  unreachable: ({ url }, detail) =>
    `${url} cannot be reached${detail}. Check the host, the port and the network; nothing was changed by this call.`,
  untrusted: ({ url }, detail) =>
    `${url} showed a certificate that is not trusted${detail}. Name the CA's PEM file as "ca" of the backend, or use the name that the certificate is for.`,
  insecure: ({ url }, detail) =>
    `${url} wants an encrypted link${detail}. Use ldaps://, or "startTls: true" on the backend.`,
  rights: ({ url, bindDn, dn, action }, detail) =>
    `${url} does not let ${bindDn ?? "an anonymous user"} ${action} ${dn}${detail}. Give it the right in the server's access rules.`,
  schema: ({ url, dn, action }, detail) =>
    `${url} refused to ${action} ${dn}, because its schema forbids it${detail}. Check "objectClasses" in labplan:vpn.`,
  policy: ({ url, dn, action }, detail) =>
    action === "set the password of"
      ? `${url} refused the password of ${dn}, because its password policy forbids it${detail}. Choose another, or leave "password" out and one is generated.`
      : `${url} refused to ${action} ${dn}, because a constraint forbids it${detail}.`,
  "size-limit": ({ url, dn }, detail) =>
    `${url} gives no more entries of ${dn} than its size limit${detail}. Raise the limit for the bind DN, or choose a deeper "base".`,
  busy: ({ url }, detail) => `${url} is busy or shutting down${detail}. Run it again.`,
  late: ({ url, dn, action }, detail) =>
    `${url} did not answer in time (${action}${dn ? ` ${dn}` : ""})${detail}. "pulumi up" resumes here.`,
  "value-exists": ({ url, dn }, detail) => `${dn}: the value is there already in ${url}${detail}.`,
  "no-such-value": ({ url, dn }, detail) => `${dn}: no such value in ${url}${detail}.`,
  "unknown-attribute": ({ url, dn, action }, detail) =>
    `${url} refused to ${action} ${dn}: it does not know an attribute${detail}.`,
  "not-empty": ({ url, dn }) => `${dn} has entries below it in ${url}: remove or move them first.`,
  syntax: ({ url, dn, action }, detail) =>
    `${url} refused to ${action} ${dn}, because a value is malformed${detail}.`,
  refused: ({ url, dn, action }, detail) => `${url} refused to ${action} ${dn ?? ""}${detail}.`,
};

/** Turn whatever a call threw into an error of ours. */
export function classify(error: unknown, attempt: Attempt): Error {
  if (error instanceof LabError) return error;
  const failure = failureOf(error);
  const detail = detailOf(error);
  return new LdapError(failure, MESSAGES[failure](attempt, detail ? ` (${detail})` : ""), { cause: error });
}

export const failure = (kind: LdapFailure, attempt: Attempt, detail = ""): LdapError =>
  new LdapError(kind, MESSAGES[kind](attempt, detail ? ` (${detail})` : ""));

function failureOf(error: unknown): LdapFailure {
  if (error instanceof ResultCodeError) return RESULT[error.code] ?? "refused";
  const code = String((error as NodeJS.ErrnoException | undefined)?.code ?? "");
  if (UNTRUSTED.has(code)) return "untrusted";
  const message = error instanceof Error ? error.message : "";
  if (/timed out|timeout/iu.test(message)) return "late";
  return "unreachable";
}

const LONGEST = 200;

/** The server's own words, without the code that ldapts appends; for a socket, its error code. */
function detailOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const code = (error as NodeJS.ErrnoException).code;
  const words =
    error instanceof ResultCodeError
      ? error.message.replace(/\s*Code: 0x[0-9a-f]+\s*$/iu, "")
      : typeof code === "string"
        ? code
        : (error.message.split("\n")[0] ?? "");
  return words.trim().slice(0, LONGEST);
}
