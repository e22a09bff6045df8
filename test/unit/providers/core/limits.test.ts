import { expect, test } from "vitest";
import { byBackend } from "../../../../providers/core/limits";

test("trap pulumi-dynamic#31: at most 8 operations run at once on one directory, and all of them end", async () => {
  const backend = { kind: "ldap", url: "ldaps://limits.example" } as const;
  let running = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 2));
    running--;
  };
  await Promise.all(Array.from({ length: 40 }, () => byBackend({ backend }, work)));
  expect(most).toBe(8);
  expect(running).toBe(0);
});

test("a failure gives its place back", async () => {
  const backend = { kind: "ldap", url: "ldaps://failing.example" } as const;
  const fail = () => byBackend({ backend }, () => Promise.reject(new Error("no")));
  await Promise.allSettled(Array.from({ length: 20 }, fail));
  await expect(byBackend({ backend }, async () => "done")).resolves.toBe("done");
});
