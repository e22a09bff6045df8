import type { ChangeTable } from "../core/definition";
import { object, text } from "../core/schema-parts";
import { loginSchema } from "./login.schema";
import type { VerifyInputs } from "./types";

const lists = { type: "object", additionalProperties: { type: "array", items: text } };
const seconds = { type: "number", exclusiveMinimum: 0 };

/** JSON Schema of the facts of a layout, as planned. */
export const verifySchema = object(
  {
    ...{ name: text, backend: text, login: loginSchema, user: text, home: text },
    nodes: {
      type: "object",
      additionalProperties: object(
        {
          login: loginSchema,
          role: { enum: ["controller", "compute", "database", "messagequeue", "cell"] },
          hostName: text,
          overlay: text,
        },
        ["login", "role", "hostName"],
      ),
    },
    mtu: { type: "integer", minimum: 576, maximum: 65_535 },
    pairs: { type: "array", items: { type: "array", items: text, minItems: 2, maxItems: 2 } },
    cells: lists,
    services: lists,
    boot: {
      anyOf: [
        { const: false },
        object({ image: text, flavor: text, network: text, timeoutS: seconds }, ["timeoutS"]),
      ],
    },
    edition: text,
  },
  ["name", "backend", "login", "nodes", "pairs", "cells", "services", "boot", "edition"],
);

const AGAIN = "the layout is verified again";

export const verifyChanges: ChangeTable<VerifyInputs> = {
  name: { class: "live", reason: AGAIN },
  backend: { class: "recreate", reason: "it is another controller that is asked" },
  login: { class: "live", reason: "only says how we log in to the controller" },
  user: { class: "live", reason: "only says who runs nova-manage" },
  home: { class: "live", reason: "only says where nova-manage is" },
  nodes: { class: "live", reason: AGAIN },
  mtu: { class: "live", reason: AGAIN },
  pairs: { class: "live", reason: AGAIN },
  cells: { class: "live", reason: AGAIN },
  services: { class: "live", reason: AGAIN },
  boot: { class: "live", reason: AGAIN },
  edition: { class: "live", reason: "it was stacked with something else, so that it is verified again" },
};
