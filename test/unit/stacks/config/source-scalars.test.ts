import { expect, test } from "vitest";
import { rewritten } from "../../../../stacks/config/source-scalars";

// As measured: `pulumi config --json` and the file after `pulumi config set`, CLI 3.259.0.
test.each([
  ["1.10", "the number 1.1"],
  ["010", "the number 8"],
  ["09", "the number 9"],
  ["0x1f", "the number 31"],
  ["0o17", "the number 15"],
  ["0b11", "the number 3"],
  ["1_000", "the number 1000"],
  ["1e3", "the number 1000"],
  ["1.0", "the number 1"],
  ["+5", "the number 5"],
  [".5", "the number 0.5"],
  ["5.", "the number 5"],
  ["12345678901234567890", "the number 12345678901234567000"],
  ["2e345678", "a number too large to keep"],
  ["2026-12-24", "a date"],
  ["2026-1-2", "a date"],
  ["2026-12-24T18:00:00Z", "a date"],
  ["2026-12-24T18:00:00+01:00", "a date"],
  ["2026-12-24 18:00:00", "a date"],
])("the Pulumi CLI does not keep %s", (source, reads) => {
  expect(rewritten(source)?.reads).toBe(reads);
});

test.each([
  "4",
  "0",
  "-3",
  "1.5",
  "12345678",
  "2026-12-24T18:00Z",
  "yes",
  "52:54:00:12:34:56",
  "10.20.0.0",
  "10.20.0.0/24",
  "8 GiB",
  "v1.10",
  "~",
  "",
])("the Pulumi CLI keeps %j", (source) => {
  expect(rewritten(source)).toBeUndefined();
});
