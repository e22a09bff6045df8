import { expect, test } from "vitest";
import { UNKNOWN } from "../../../../providers/core/change";
import type { Definition } from "../../../../providers/core/definition";
import { refuseWipes } from "../../../../providers/core/wipes";

const changes = {
  image: {
    class: "wipe",
    reason: "it is imaged anew",
    gentler: {
      when: (from: unknown, to: unknown) => String(from) === String(to),
      class: "ignored",
      reason: "same",
    },
  },
  note: { class: "live", reason: "a label" },
} as unknown as Definition<object>["changes"];
const refused = (inputs: object, before: object) => refuseWipes({ changes }, inputs, before);

test("an edit that loses data is refused, with its reason and the word that lets it", () => {
  expect(refused({ image: "b", note: "x" }, { image: "a", note: "y" })).toEqual([
    {
      field: "image",
      message:
        "image a → b: WIPES its data (it is imaged anew). If that is meant, add `allow: [wipe]` to it until it is done; if not, take the edit back.",
    },
  ]);
});

test("with that word it is not, nor where nothing is lost or nothing is known", () => {
  expect(refused({ image: "b", allow: ["wipe"] }, { image: "a" })).toEqual([]);
  expect(refused({ image: "a", note: "x", allow: [] }, { image: "a", note: "y" })).toEqual([]);
  expect(refused({ image: UNKNOWN }, { image: "a" })).toEqual([]);
  expect(refused({ image: "1" }, { image: 1 })).toEqual([]);
});
