import { describe, expect, test } from "vitest";
import { UNKNOWN } from "../../../../providers/core/change";
import { areAwaited, peersChanged, peersOf } from "../../../../providers/core/peers";

const CTL = { address: "192.0.2.7", sshPort: 22, sshHostKey: "ssh-ed25519 AAAA" };
const HV1 = { address: "192.0.2.8", sshHostKey: "ssh-ed25519 BBBB" };

describe("the other machines that something has to reach", () => {
  test("are told by name, as far as they are known", () => {
    expect(peersOf({ __peers: { ctl: CTL, hv1: { ...HV1, address: UNKNOWN } } })).toEqual({
      ctl: CTL,
      hv1: { sshHostKey: "ssh-ed25519 BBBB" },
    });
    expect(peersOf({ __peers: { ctl: UNKNOWN } })).toEqual({ ctl: {} });
    expect(peersOf({ __peers: UNKNOWN })).toBeUndefined();
    expect(peersOf({})).toBeUndefined();
  });

  test("are waited for while anything of one is unknown", () => {
    const peers = [{ ctl: CTL }, { ctl: CTL, hv1: { ...HV1, address: UNKNOWN } }, UNKNOWN, undefined];
    expect(peers.map((__peers) => areAwaited({ __peers }))).toEqual([false, true, true, false]);
  });

  test.each([
    ["the same, in another order", { hv1: HV1, ctl: CTL }, false],
    ["one more", { ctl: CTL, hv1: HV1, hv2: HV1 }, true],
    ["one fewer", { ctl: CTL }, true],
    ["one at another address", { ctl: CTL, hv1: { ...HV1, address: "192.0.2.9" } }, true],
    ["one with another key", { ctl: CTL, hv1: { ...HV1, sshHostKey: "ssh-ed25519 CCCC" } }, true],
    [
      "one that is asked anew, in a preview",
      { ctl: CTL, hv1: { address: UNKNOWN, sshHostKey: UNKNOWN } },
      false,
    ],
    ["all unknown, as the engine asks for what goes down", UNKNOWN, false],
    ["none: it reaches nobody any more", undefined, false],
  ])("%s: a change or none", (_, now, changed) => {
    expect(peersChanged({ ctl: CTL, hv1: HV1 }, now)).toBe(changed);
  });

  test("where there were none before, they are a change", () => {
    expect(peersChanged(undefined, { ctl: CTL })).toBe(true);
  });
});
