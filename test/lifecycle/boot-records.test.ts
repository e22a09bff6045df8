import * as fs from "node:fs";
import * as path from "node:path";
import { afterAll, expect, test } from "vitest";
import { freePort } from "../systems/loopback";
import { TestLab } from "./harness";
import { KEY } from "./lab-config";

let lab: TestLab;
afterAll(() => lab?.close());

const machine = (backend: string, parts: object) => ({
  backend,
  memory: "256 MiB",
  disk: "1 GiB",
  sshKeys: [KEY],
  wait: { for: "boot", timeout: "2m" },
  ...parts,
});

type Facts = { sshHostKey: string };

test("an image is installed, and machines on both hypervisors call home, each by its own way", async () => {
  const httpPort = await freePort();
  lab = await TestLab.create({
    backends: { here: { kind: "embedded" }, desk: { kind: "virtualbox", host: "embedded:" } },
    networks: {
      lab: { backend: "desk", cidr: "10.77.0.0/24" },
      control: { backend: "desk", mode: "hostonly", cidr: "192.168.57.0/24" },
      own: { backend: "here", cidr: "10.40.0.0/24" },
    },
    bootServer: { httpPort },
    images: {
      rocky9: {
        install: {
          backend: "desk",
          family: "rocky",
          release: "9",
          mirror: "http://192.0.2.1/rocky",
          kernel: { path: "boot/vmlinuz" },
          initrd: { path: "boot/initrd.img" },
          size: "10 GiB",
          timeout: "2m",
        },
      },
    },
    machines: {
      nat: machine("desk", {}),
      natnet: machine("desk", { networks: ["lab"] }),
      hostonly: machine("desk", { networks: ["control"] }),
      domain: machine("here", { networks: ["own"] }),
      clone: machine("desk", { disk: "20 GiB", image: "rocky9" }),
      copy: machine("desk", { disk: { size: "20 GiB", clone: "full" }, image: "rocky9" }),
    },
  });
  fs.mkdirSync(path.join(lab.folder, "boot"));
  for (const name of ["vmlinuz", "initrd.img"]) fs.writeFileSync(path.join(lab.folder, "boot", name), name);

  await lab.up();
  const { machines, bootRecords } = await lab.outputs<{
    machines: Record<string, Facts>;
    bootRecords: Record<string, Facts>;
  }>();
  expect(Object.keys(bootRecords).sort()).toEqual(Object.keys(machines).sort());
  // What called home is the machine that SSH reaches.
  for (const [name, { sshHostKey }] of Object.entries(bootRecords)) {
    expect(sshHostKey, name).toMatch(/^ssh-ed25519 /);
    expect(sshHostKey, name).toBe(machines[name]?.sshHostKey);
  }
  expect(new Set(Object.values(bootRecords).map(({ sshHostKey }) => sshHostKey)).size).toBe(6);
  expect((await lab.preview()).ops).toEqual({});
  await lab.destroy();
}, 400_000);
