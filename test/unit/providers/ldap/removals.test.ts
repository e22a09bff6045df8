import { describe, expect, it } from "vitest";
import { tooManyRemovals } from "../../../../providers/ldap/removals";

const names = (count: number) => Array.from({ length: count }, (_, index) => `user${index}`);

describe("removing many users at once", () => {
  it("trap ldap-vpn#20: more than a fifth needs --allow-removals", () => {
    expect(tooManyRemovals(10, names(2), false)).toBeUndefined();
    expect(tooManyRemovals(10, names(3), false)).toBe(
      "this would remove 3 of 10 VPN users (user0, user1, user2), which is more than 20 %. If that is meant, add --allow-removals (plain pulumi: LABPLAN_ALLOW_REMOVALS=1).",
    );
    expect(tooManyRemovals(10, names(10), true)).toBeUndefined();
    expect(tooManyRemovals(1, names(1), false)).toContain("1 of 1");
    expect(tooManyRemovals(0, [], false)).toBeUndefined();
  });

  it("names the first ten", () => {
    expect(tooManyRemovals(40, names(40), false)).toContain("user9 and 30 more");
  });
});
