import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Real chains, processes and key derivations: slow on two cores, but bounded.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: "forks",
  },
});
