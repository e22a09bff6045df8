import type { Reporter, TestModule } from "vitest/node";

/** Ends the run with one line of counts, and names what was skipped. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, errors: ReadonlyArray<unknown>): void {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        count[state]++;
        if (state === "skipped") console.log(`skipped: ${test.fullName}`);
      }
      if (module.state() === "failed" && [...module.children.allTests("failed")].length === 0) count.failed++;
    }
    const failed = count.failed + errors.length;
    const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : "";
    console.log(`\n${count.passed} passed, ${failed} failed${skipped}`);
  }
}
