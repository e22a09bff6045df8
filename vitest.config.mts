import { defineConfig } from "vitest/config";

/** Contract tests that stand on a whole cloud, and on nothing of the embedded lab's loopback addresses. */
const CLOUD = ["test/contract/*openstack*.test.ts", "test/contract/embedded-devstack-truth.test.ts"];

export default defineConfig({
  test: {
    projects: [
      // The program loads some of its parts by require().
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"], setupFiles: ["tsx/cjs"] } },
      {
        test: {
          name: "contract",
          include: ["test/contract/**/*.test.ts"],
          exclude: CLOUD,
          testTimeout: 60_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: "cloud",
          include: CLOUD,
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
