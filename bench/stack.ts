import { TestLab } from "../test/lifecycle/harness";
import { type Phase, type Samples, seconds } from "./measure";

/** Bytes of the exported state for one resource, on average. */
export interface StateBytes {
  total: number;
  /** Without the inputs and outputs that a user sees; hidden keys count. */
  beyondVisible: number;
}

const PARALLEL = ["--parallel", "32"];
const YES = ["--yes", "--skip-preview", "--suppress-outputs"];

/** One life of a stack, its phases timed into `samples`; `whenMade` sees it between refresh and destroy. */
export async function runStack(
  config: object,
  samples: Samples,
  options: { program?: string; whenMade?: () => Promise<void> } = {},
): Promise<StateBytes> {
  const lab = await TestLab.create(config, options.program ? { program: options.program } : {});
  const timed = async (phase: Phase, args: string[]) => {
    samples[phase].push(await seconds(() => lab.mustSucceed(args)));
  };
  try {
    await timed("create", ["up", ...YES, ...PARALLEL]);
    await timed("preview", ["preview", "--suppress-outputs", ...PARALLEL]);
    await timed("preview without refresh", ["preview", "--refresh=false", "--suppress-outputs", ...PARALLEL]);
    await timed("refresh", ["refresh", ...YES, ...PARALLEL]);
    await options.whenMade?.();
    const bytes = stateBytes(JSON.parse(await lab.state()));
    await timed("destroy", ["destroy", "--refresh=false", ...YES, ...PARALLEL]);
    return bytes;
  } finally {
    await lab.close();
  }
}

interface StateResource {
  type: string;
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
}

/** Averages over our own resources. Visible are the keys that a user sees in a diff. */
function stateBytes(state: { deployment: { resources: StateResource[] } }): StateBytes {
  const own = state.deployment.resources.filter(({ type }) => type.startsWith("pulumi-nodejs:dynamic/"));
  const size = (value: unknown) => Buffer.byteLength(JSON.stringify(value));
  const visible = (bag: Record<string, unknown> = {}) =>
    size(Object.fromEntries(Object.entries(bag).filter(([key]) => !key.startsWith("__"))));
  const total = own.reduce((sum, resource) => sum + size(resource), 0);
  const seen = own.reduce((sum, { inputs, outputs }) => sum + visible(inputs) + visible(outputs), 0);
  return { total: Math.round(total / own.length), beyondVisible: Math.round((total - seen) / own.length) };
}
