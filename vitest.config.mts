import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      // The program loads some of its parts by require().
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"], setupFiles: ["tsx/cjs"] } },
      {
        test: {
          name: "contract",
          include: ["test/contract/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: "lifecycle",
          include: ["test/lifecycle/**/*.test.ts"],
          testTimeout: 240_000,
          hookTimeout: 240_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
