import { describe, expect, test } from "vitest";
import { formatProblem, positioned, positionOf } from "../../../../stacks/config/positions";
import { parseStackFile } from "../../../../stacks/config/stack-file";
import type { ConfigPath } from "../../../../stacks/config/types";

const text = `config:
  labplan:lab: abcd2345
  labplan:machines:
    w1:
      backend: rack
      memory: 8 GiB
      disk: 100 GiB
      image: rocky9
      sshKeys: [one]
      networks: [admin, { network: storage, ip: 10.20.3.5 }]
      wait: { for: ssh, timeout: 90m }
    w2:
      disks:
        - 10 GiB
        - { size: 20 GiB, image: rocky9 }
    "w.3": {}
`;
const source = { path: "stacks/Pulumi.dev.yaml", text };
const file = parseStackFile(source);
const at = (path: ConfigPath) => {
  const { line, column, path: written } = positionOf(file, path);
  return `${line}:${column} ${written.join("/")}`;
};

describe("the place of a value", () => {
  test("a scalar's is its own, a map's or list's is that of its key", () => {
    expect(at(["machines", "w1", "backend"])).toBe("5:16 machines/w1/backend");
    expect(at(["machines", "w1"])).toBe("4:5 machines/w1");
    expect(at(["machines", "w1", "networks"])).toBe("10:7 machines/w1/networks");
    expect(at(["machines"])).toBe("3:3 machines");
    expect(at(["lab"])).toBe("2:16 lab");
  });

  test("a list item's is its own", () => {
    expect(at(["machines", "w1", "networks", 0])).toBe("10:18 machines/w1/networks/0");
    expect(at(["machines", "w1", "networks", 1, "ip"])).toBe("10:49 machines/w1/networks/1/ip");
  });

  test("long forms are found where their short forms are written", () => {
    expect(at(["machines", "w1", "memoryMiB"])).toBe("6:15 machines/w1/memory");
    expect(at(["machines", "w1", "disks", 0, "sizeBytes"])).toBe("7:13 machines/w1/disk");
    expect(at(["machines", "w1", "disks", 0, "image"])).toBe("8:14 machines/w1/image");
    expect(at(["machines", "w1", "cloudInit", "sshKeys", 0])).toBe("9:17 machines/w1/sshKeys/0");
    expect(at(["machines", "w1", "networks", 0, "network"])).toBe("10:18 machines/w1/networks/0");
    expect(at(["machines", "w1", "wait", "timeoutS"])).toBe("11:34 machines/w1/wait/timeout");
    expect(at(["machines", "w2", "disks", 0, "sizeBytes"])).toBe("14:11 machines/w2/disks/0");
    expect(at(["machines", "w2", "disks", 1, "sizeBytes"])).toBe("15:19 machines/w2/disks/1/size");
  });

  test("what is not written is told at the nearest thing that is", () => {
    expect(at(["machines", "w1", "hostName"])).toBe("4:5 machines/w1/hostName");
    expect(at(["networks", "admin"])).toBe("1:1 networks/admin");
    expect(at(["machines", "w.3", "disks", 0, "image"])).toBe("16:5 machines/w.3/disks/0/image");
  });
});

describe("a problem of the plan", () => {
  test("is printed with its place", () => {
    const problem = { path: ["machines", "w1", "networks", 1, "ip"], message: "outside of 10.20.0.0/24" };
    expect(formatProblem(positioned(problem, source))).toBe(
      "stacks/Pulumi.dev.yaml:10:49: machines.w1.networks[1].ip: outside of 10.20.0.0/24",
    );
  });

  test("is printed without one when there is no file", () => {
    const problem = { path: ["machines", "w1"], message: "is too large" };
    expect(formatProblem(positioned(problem, undefined))).toBe("machines.w1: is too large");
  });
});
