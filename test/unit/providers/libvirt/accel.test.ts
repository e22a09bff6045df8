import { describe, expect, it } from "vitest";
import { shutdownLimitS } from "../../../../providers/core/shutdown";
import { offersKvm } from "../../../../providers/libvirt/accel";

const capabilities = (arch: string, ...types: string[]) =>
  `<capabilities><host/><guest><os_type>hvm</os_type><arch name='${arch}'>${types.map((type) => `<domain type='${type}'/>`).join("")}</arch></guest></capabilities>`;

describe("what the hypervisor offers", () => {
  it("is KVM only where it says so for our architecture", () => {
    expect(offersKvm(capabilities("x86_64", "qemu", "kvm"))).toBe(true);
    expect(offersKvm(capabilities("x86_64", "qemu"))).toBe(false);
    expect(offersKvm(capabilities("i686", "qemu", "kvm"))).toBe(false);
    expect(offersKvm("<capabilities/>")).toBe(false);
  });
});

describe("how long a guest may take to shut down", () => {
  it("can be set, and a slip of the pen does not make it zero", () => {
    expect(shutdownLimitS(60, {})).toBe(60);
    expect(shutdownLimitS(60, { LABPLAN_SHUTDOWN_S: "5" })).toBe(5);
    expect(shutdownLimitS(60, { LABPLAN_SHUTDOWN_S: "0" })).toBe(0);
    for (const slip of ["", "soon", "-1"]) expect(shutdownLimitS(60, { LABPLAN_SHUTDOWN_S: slip })).toBe(60);
  });
});
