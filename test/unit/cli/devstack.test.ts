import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { layoutText, localConfText, onlyStack } from "../../../cli/devstack";
import { devstackLab } from "../stacks/plan/devstack-lab";
import { planned } from "../stacks/plan/lab";

const roles = { compute: { localrc: { LIBVIRT_TYPE: "kvm" } } };
const plan = planned(devstackLab(2, { devstack: { roles } }));

describe("devstack show", () => {
  test("a node's local.conf has the source of every line beside it, and secrets by name", () => {
    const text = localConfText(plan, "hv1");
    expect(text).toContain("[[local|localrc]]\n");
    expect(text).toMatch(/^LIBVIRT_TYPE=kvm +← devstack\.roles\.compute\.localConf\.localrc\.LIBVIRT_TYPE$/m);
    expect(text).toMatch(/^enable_service n-cpu +← preset multinode$/m);
    expect(text).toMatch(/^ADMIN_PASSWORD='\{\{secret:devstackPassword\}\}' +← devstack\.passwords$/m);
  });

  test("a node that is none is told with the one that was meant", () => {
    expect(() => localConfText(plan, "hv3")).toThrow('the layout has no node "hv3". Did you mean "hv1"?');
    const { devstack: _, ...without } = devstackLab(1);
    expect(() => localConfText(planned(without), "hv1")).toThrow('stack "dev" has no devstack');
  });

  test("the layout is a table, and says what the overlay carries", () => {
    const text = layoutText(plan);
    expect(text).toMatch(/^hv1 +compute +hv1 +172\.24\.4\.2 +cell1/m);
    expect(text).toMatch(/^ctl +controller +ctl +172\.24\.4\.1 +-/m);
    expect(text).toContain("MTU in the overlay: 1450");
  });
});

test("the stack that has a devstack is found where there is one alone", () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-stacks-"));
  const write = (stack: string, text: string) =>
    fs.writeFileSync(path.join(folder, `Pulumi.${stack}.yaml`), text);
  try {
    expect(() => onlyStack(folder)).toThrow("has a devstack");
    write("plain", "config:\n  labplan:lab: abcd2345\n");
    write("one", "config:\n  labplan:devstack:\n    branch: master\n");
    expect(onlyStack(folder)).toBe("one");
    write("two", "config:\n  labplan:devstack: { branch: master }\n");
    expect(() => onlyStack(folder)).toThrow("say --stack one or --stack two");
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});
