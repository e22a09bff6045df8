import { writeFileSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";

/** Ends the run with one line of counts, and names what was skipped. One run of several leaves its counts in a file. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, errors: ReadonlyArray<unknown>): void {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const result = test.result();
        count[result.state]++;
        // Of a suite that is skipped as a whole, or that could not start, the title or the failure above says why.
        if (result.state === "skipped")
          console.log(`skipped: ${test.fullName}${result.note === undefined ? "" : ` (${result.note})`}`);
      }
      if (module.state() === "failed" && [...module.children.allTests("failed")].length === 0) count.failed++;
    }
    const failed = count.failed + errors.length;
    const { passed } = count;
    const file = process.env.LABPLAN_TEST_COUNTS;
    if (file !== undefined) {
      writeFileSync(file, JSON.stringify({ passed, failed, skipped: count.skipped }));
      return;
    }
    const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : "";
    console.log(`\n${passed} passed, ${failed} failed${skipped}`);
  }
}
