/** Result codes that this server gives (RFC 4511, appendix A). */
export const CODE = {
  success: 0,
  protocolError: 2,
  sizeLimitExceeded: 4,
  compareFalse: 5,
  compareTrue: 6,
  authMethodNotSupported: 7,
  unavailableCriticalExtension: 12,
  noSuchAttribute: 16,
  undefinedAttributeType: 17,
  constraintViolation: 19,
  attributeOrValueExists: 20,
  invalidAttributeSyntax: 21,
  noSuchObject: 32,
  invalidDnSyntax: 34,
  invalidCredentials: 49,
  insufficientAccessRights: 50,
  unwillingToPerform: 53,
  namingViolation: 64,
  objectClassViolation: 65,
  notAllowedOnNonLeaf: 66,
  notAllowedOnRdn: 67,
  entryAlreadyExists: 68,
  objectClassModsProhibited: 69,
  other: 80,
} as const;

export type ResultCode = (typeof CODE)[keyof typeof CODE];

/** An operation's failure, as the client is told. */
export class LdapResult extends Error {
  constructor(
    readonly code: ResultCode,
    message = "",
    readonly matchedDn = "",
  ) {
    super(message);
  }
}

export const refuse = (code: ResultCode, message = "", matchedDn = ""): never => {
  throw new LdapResult(code, message, matchedDn);
};

/** What the reader found, or the end of a message that was cut short. */
export const need = <T>(value: T | null): T => value ?? refuse(CODE.protocolError, "message cut short");
