// Stands in the place of providers/host.cjs in the labs of on-machine.test.ts: the real one, and two kinds more.
const path = require("node:path");
const project = process.env.LP_TEST_PROJECT;
const real = require(path.join(project, "providers/host.cjs"));
const { testKinds } = require(path.join(project, "test/lifecycle/on-machine/kinds.ts"));
Object.assign(require(path.join(project, "providers/registry.ts")).kinds, testKinds);
exports.provider = real.provider;
