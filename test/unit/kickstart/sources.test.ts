import { describe, expect, it, test } from "vitest";
import { debianMirror, installerSources } from "../../../kickstart/sources";
import { DISTRIBUTIONS, title } from "./fixtures";

describe("where an installer's files lie", () => {
  test.each([
    [
      "centos-stream 9",
      "https://mirror.example/centos-stream/9-stream/BaseOS/x86_64/os/images/pxeboot/vmlinuz",
    ],
    ["rocky 10", "https://mirror.example/rocky/10/BaseOS/x86_64/os/images/pxeboot/vmlinuz"],
    ["alma 9", "https://mirror.example/almalinux/9/BaseOS/x86_64/os/images/pxeboot/vmlinuz"],
    [
      "debian 12",
      "https://mirror.example/debian/dists/bookworm/main/installer-amd64/current/images/netboot/debian-installer/amd64/linux",
    ],
    [
      "debian 13",
      "https://mirror.example/debian/dists/trixie/main/installer-amd64/current/images/netboot/debian-installer/amd64/linux",
    ],
    ["ubuntu 24.04", "https://mirror.example/ubuntu/24.04/netboot/amd64/linux"],
  ])("%s", (name, kernel) => {
    const install = DISTRIBUTIONS.find((distribution) => title(distribution) === name);
    expect(install && installerSources(install.family, install.release, `${install.mirror}/`)?.kernel).toBe(
      kernel,
    );
  });

  it("says where the checksums of both files are, and under which names", () => {
    for (const { family, release, mirror } of DISTRIBUTIONS) {
      const sources = installerSources(family, release, mirror);
      const folder = sources?.checksums.url.replace(/[^/]*$/, "");
      const at = (name: string | undefined) => `${folder}${name?.replace(/^\.\//, "")}`;
      expect([at(sources?.checksums.kernel), at(sources?.checksums.initrd)]).toEqual([
        sources?.kernel,
        sources?.initrd,
      ]);
    }
  });

  it("knows no place for a release that it does not know", () => {
    expect(installerSources("debian", "7", "https://mirror.example/debian")).toBeUndefined();
    expect(installerSources("ubuntu", "12.04", "https://mirror.example/ubuntu")).toBeUndefined();
  });

  it("takes a minor release as a folder of its own, and Ubuntu's as an ISO", () => {
    expect(installerSources("rocky", "9.4", "https://m/rocky")?.root).toBe(
      "https://m/rocky/9.4/BaseOS/x86_64/os",
    );
    expect(installerSources("ubuntu", "22.04.2", "https://m")?.root).toBe(
      "https://m/22.04/ubuntu-22.04.2-live-server-amd64.iso",
    );
  });

  it("gives a Debian mirror in pieces", () => {
    expect(debianMirror("http://mirror.lab:3142/debian/")).toEqual({
      protocol: "http",
      host: "mirror.lab:3142",
      directory: "/debian",
    });
  });
});
