import { expect, test } from "vitest";
import { machineIn, placeFor } from "../../../cli/export";

const resource = (type: string, name: string, outputs: Record<string, unknown>) => ({
  urn: `urn:pulumi:dev::labplan::${type}::${name}`,
  type,
  outputs,
});
const backend = { kind: "virtualbox" as const };
const stack = {
  deployment: {
    resources: [
      resource("pulumi-nodejs:dynamic/libvirt:Domain", "web1", {}),
      resource("pulumi-nodejs:dynamic/virtualbox:Machine", "db1", {
        uuid: "u",
        name: "db",
        __backend: backend,
      }),
    ],
  },
};

test("a machine is found by its name in the config, with the backend that it was made at", () => {
  expect(machineIn(stack, "db1")).toEqual({ state: { uuid: "u", name: "db" }, backend });
});

test("a machine that is not VirtualBox's is refused, and those that are are named", () => {
  expect(() => machineIn(stack, "web1")).toThrow('no VirtualBox machine "web1"; it has db1');
  expect(() => machineIn({ deployment: {} }, "web1")).toThrow("it has none");
});

test("the file is written here, and for another host at a path of that host", () => {
  expect(placeFor("a.ova", backend)).toEqual({ path: `${process.cwd()}/a.ova`, where: "" });
  expect(placeFor("a.ova", { kind: "embedded" }).path).toBe(`${process.cwd()}/a.ova`);
  const remote = { ...backend, host: "ssh://me@desk" };
  expect(placeFor("/srv/a.ova", remote)).toEqual({ path: "/srv/a.ova", where: " on ssh://me@desk" });
  expect(placeFor("C:\\a.ova", remote).path).toBe("C:\\a.ova");
  expect(() => placeFor("a.ova", remote)).toThrow("must be absolute there");
});
