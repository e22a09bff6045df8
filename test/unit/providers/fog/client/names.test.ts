import { describe, expect, it } from "vitest";
import { checkedMacs, hostNameProblem } from "../../../../../providers/fog/names";

describe("names that FOG can work with", () => {
  it("trap fog#9: more than 15 characters, a space or nothing is refused", () => {
    expect(hostNameProblem("pod1-node1")).toBeUndefined();
    expect(hostNameProblem("a")).toBeUndefined();
    expect(hostNameProblem("x".repeat(15))).toBeUndefined();
    expect(hostNameProblem("x".repeat(16))).toContain("has 16 characters");
    for (const name of ["pod1 node1", "", "pod1\n", "pöd1", "a/b", "a;b"])
      expect(hostNameProblem(name), JSON.stringify(name)).toContain("is no host name for FOG");
    expect(hostNameProblem("my_api_host")).toContain("leaves such names out of its lists");
  });

  it("MACs are given lower case with colons, each once, and what is none is named", () => {
    expect(checkedMacs("fog", "h", ["52-54-00-AA-00-01", "52:54:00:aa:00:02"])).toEqual([
      "52:54:00:aa:00:01",
      "52:54:00:aa:00:02",
    ]);
    expect(() => checkedMacs("fog", "h", ["52:54:00:aa:00"])).toThrow('"52:54:00:aa:00" is none');
    expect(() => checkedMacs("fog", "h", [])).toThrow("at least one");
    expect(() => checkedMacs("fog", "h", ["52:54:00:aa:00:01", "52:54:00:AA:00:01"])).toThrow("each once");
  });
});
