import { describe, expect, it } from "vitest";
import type { AccessInputs, AccessState } from "../../../../providers/ssh/access";
import { accessDefinition } from "../../../../providers/ssh/access.handlers";
import { jumpHost, targetOf } from "../../../../providers/ssh/access.login";
import {
  heldPassword,
  isOurs,
  type Marker,
  markerText,
  needsRoot,
  readMarker,
} from "../../../../providers/ssh/access.marker";
import { ED25519 } from "./keys";

const inputs: AccessInputs = {
  name: "node1",
  backend: "metal",
  user: "root",
  login: { user: "root" },
  authorizedKeys: [],
  exclusive: false,
  password: "generated",
  passwordVersion: 1,
};
const signal = new AbortController().signal;
const on = { address: "10.0.0.5", sshPort: 2222, sshHostKey: ED25519 };

describe("how a machine is reached", () => {
  it("at the address and with the host key that its own resource found", () => {
    expect(targetOf(inputs, { on, signal })).toEqual({
      ...{ host: "10.0.0.5", port: 2222, hostKey: ED25519, user: "root" },
    });
  });

  it("through a jump host with a pinned key of its own", () => {
    const login = {
      user: "ops",
      identityFile: "~/.ssh/lab",
      via: "me@gate.example:2200",
      viaHostKey: ED25519,
    };
    expect(targetOf({ ...inputs, login }, { on, signal })).toMatchObject({
      ...{ user: "ops", identityFile: "~/.ssh/lab" },
      via: {
        ...{ host: "gate.example", port: 2200, user: "me", hostKey: ED25519, identityFile: "~/.ssh/lab" },
      },
    });
    expect(jumpHost("gate")).toEqual({ host: "gate" });
    expect(jumpHost("root@[fd00::1]:22")).toEqual({ host: "fd00::1", user: "root", port: 22 });
    for (const bad of ["", "a b", "@gate", "gate:port", "ssh://gate"])
      expect(() => jumpHost(bad), bad).toThrow(/is no jump host/);
  });

  it("not at all without an address or a host key, and says so", () => {
    expect(() => targetOf(inputs, { signal })).toThrow(/at which address "node1" is reached/);
    expect(() => targetOf(inputs, { on: { address: "10.0.0.5" }, signal })).toThrow(/which SSH host key/);
  });
});

describe("the note about a password", () => {
  const marker: Marker = {
    ...{ mark: "k3v9q2x7/dev/node1", machine: "node1", user: "root" },
    ...{ version: 2, serial: "ab12", digest: "d1" },
  };
  const state = {
    ...inputs,
    ...{ intact: true, passwordSerial: "ab12", passwordSource: "generated", generatedPassword: "p" },
  } as AccessState;
  const password = { set: true, digest: "d1" };

  it("comes back as it was written, and anything else is damaged", () => {
    expect(readMarker(markerText(marker))).toEqual(marker);
    for (const text of ["", "null", "[]", "{}", '{"mark":1}', markerText({ ...marker, serial: "$(x)" })])
      expect(readMarker(text)).toBe("damaged");
  });

  it("makes the state's password the one in force only if serial and digest agree", () => {
    expect(heldPassword(marker, password, state)).toMatchObject({ version: 2, generated: "p" });
    const { digest: _, ...begun } = marker;
    for (const [note, found, known] of [
      [undefined, password, state],
      [begun, password, state],
      [marker, { ...password, digest: "d2" }, state],
      [marker, { ...password, set: false }, state],
      [{ ...marker, serial: "cd34" }, password, state],
      [marker, password, undefined],
      [marker, password, { ...state, generatedPassword: undefined }],
    ] as const)
      expect(heldPassword(note, found, known as AccessState | undefined)).toBeUndefined();
  });

  it("tells ours from somebody else's, also after a run that was stopped", () => {
    const { digest: _, ...begun } = marker;
    expect(isOurs(marker, password)).toBe(true);
    expect(isOurs(marker, { ...password, digest: "theirs" })).toBe(false);
    expect(isOurs({ ...begun, before: "theirs" }, { set: true, digest: "theirs" })).toBe(false);
    expect(isOurs({ ...begun, before: "theirs" }, password)).toBe(true);
    // Nobody else's was there before: what is there now is the one before or the new one, both ours.
    expect(isOurs(begun, password)).toBe(true);
    expect(isOurs(begun, { set: false, digest: "none" })).toBe(false);
    expect(isOurs(undefined, password)).toBe(false);
  });

  it("needs root; one's own keys do not", () => {
    const own = { user: "ada", login: { user: "ada" }, password: "none" } as const;
    expect(needsRoot(own)).toBe(false);
    expect(needsRoot(own, { passwordSerial: "ab12" })).toBe(true);
    expect(needsRoot({ ...own, password: "generated" })).toBe(true);
    expect(needsRoot({ ...own, user: "bob" })).toBe(true);
  });
});

describe("the preview", () => {
  const state: AccessState = { ...inputs, exclusive: true, intact: true, keepsLoginKey: true };

  it("says that the key that we log in with stays although it is not listed", () => {
    const [note] = accessDefinition.notes?.({ ...inputs, exclusive: true }, state) ?? [];
    expect(note).toMatch(/access of "root" on "node1": the key that we log in with is not listed and stays/);
    expect(accessDefinition.notes?.(inputs, state)).toEqual([]);
    const { keepsLoginKey: _, ...listed } = state;
    expect(accessDefinition.notes?.({ ...inputs, exclusive: true }, listed)).toEqual([]);
  });

  it("refuses an edit of the list that brings something else than keys", () => {
    const problems = accessDefinition.refuse?.({ ...inputs, authorizedKeys: ["ssh-ed25519"] }, inputs);
    expect(problems).toEqual([
      { field: "authorizedKeys", message: expect.stringMatching(/key 1 of the list: it is no public key/) },
    ]);
  });
});
