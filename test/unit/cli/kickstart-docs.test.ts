import { expect, it } from "vitest";
import { kickstartDocs } from "../../../cli/kickstart-docs";
import { FILTERS } from "../../../kickstart/filters";

it("describes every name of a template, every filter and every check", async () => {
  const page = kickstartDocs();
  expect(page).not.toMatch(/\| \|$/m);
  for (const filter of Object.keys(FILTERS)) expect(page).toMatch(new RegExp(`\\| \`${filter}\\b`));
  await expect(page).toMatchFileSnapshot("../../../docs/kickstart.md");
});
