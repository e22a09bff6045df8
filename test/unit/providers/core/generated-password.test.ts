import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { generatePassword } from "../../../../providers/core/generated-password";

describe("generated passwords", () => {
  it("are 24 characters of a safe alphabet, some of each class, and never twice the same", () => {
    const made = Array.from({ length: 500 }, () => generatePassword(randomBytes));
    for (const password of made) {
      expect(password).toMatch(/^[A-HJ-NP-Za-km-np-z2-9]{24}$/);
      expect(password).toMatch(/[A-Z]/);
      expect(password).toMatch(/[a-z]/);
      expect(password).toMatch(/[0-9]/);
    }
    expect(new Set(made).size).toBe(made.length);
  });

  it("favour no character", () => {
    const counts = new Map<string, number>();
    for (let i = 0; i < 4_000; i++)
      for (const one of generatePassword(randomBytes)) counts.set(one, (counts.get(one) ?? 0) + 1);
    const numbers = [...counts.values()];
    expect(counts.size).toBe(56);
    expect(Math.max(...numbers) / Math.min(...numbers)).toBeLessThan(1.4);
  });
});
