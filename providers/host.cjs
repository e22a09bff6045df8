// Frozen entry point: every resource's `__provider` string in state is
//   exports.handler = () => require("./providers/host.cjs").provider("<kind>");
// It runs in the engine's dynamic-provider process (plain node, cwd = project root). Never move or rename it.
require("tsx/cjs"); // lets plain node load our TypeScript
delete process.env.PULUMI_CONFIG_PASSPHRASE; // the engine's own secret: no child process of ours needs it
require("./core/engine.ts").watchEngine();
exports.provider = (kind) => require("./registry.ts").provider(kind);
