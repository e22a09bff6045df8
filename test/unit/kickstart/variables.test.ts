import { describe, expect, it } from "vitest";
import { KEY, variablesOf } from "./fixtures";

describe("the variables of a template", () => {
  it("have a default for everything, and a password for nobody", () => {
    expect(variablesOf()).toEqual({
      name: "base",
      hostName: "base",
      family: "alma",
      release: "9",
      mirror: "https://mirror.example/almalinux",
      nics: [{ mac: "08:00:27:aa:bb:01", dhcp: true, nameservers: [] }],
      disk: "sda",
      user: "labplan",
      sshKeys: [],
      rootPassword: undefined,
      language: "en_US.UTF-8",
      keyboard: "us",
      timezone: "UTC",
      timeServers: ["2.almalinux.pool.ntp.org"],
      packages: [],
      openPorts: [],
      commands: [],
      boot: { url: "{{boot:url}}", token: "{{boot:token}}" },
      purpose: "image",
      variables: {},
    });
  });

  it("hold the place of a root password, never its value", () => {
    expect(variablesOf({ rootPassword: { secret: "rootHash" } }).rootPassword).toBe("{{secret:rootHash}}");
    expect(variablesOf({ rootPassword: { env: "ROOT_HASH" } }).rootPassword).toBe("{{env:ROOT_HASH}}");
    expect(variablesOf({ rootPassword: { file: ".labplan/root" } }).rootPassword).toBe(
      "{{file:.labplan/root}}",
    );
  });

  it("know a fixed address with its mask", () => {
    const nics = [{ mac: "08:00:27:AA:BB:02", ip: "192.0.2.11", prefix: 26, gateway: "192.0.2.1" }];
    expect(variablesOf({}, { nics }).nics).toEqual([
      {
        mac: "08:00:27:aa:bb:02",
        dhcp: false,
        ip: "192.0.2.11",
        prefix: 26,
        netmask: "255.255.255.192",
        gateway: "192.0.2.1",
        nameservers: [],
      },
    ]);
  });

  it("make a host name of any logical name", () => {
    expect(variablesOf({}, { name: "Rocky_9.base" }).hostName).toBe("rocky-9-base");
    expect(variablesOf({}, { name: "__" }).hostName).toBe("image");
    expect(variablesOf({}, { name: "x", hostName: "fabric1.lab" }).hostName).toBe("fabric1.lab");
  });

  it("take what people write around a value off", () => {
    const given = variablesOf({
      mirror: "https://m.example/alma//",
      release: "9-stream",
      sshKeys: [`${KEY}\n`],
    });
    expect(given).toMatchObject({ mirror: "https://m.example/alma", release: "9", sshKeys: [KEY] });
  });
});
