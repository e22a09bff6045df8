import { ensureOpenStackPlugin } from "../../openstack-plugin.mjs";

try {
  process.stdout.write(await ensureOpenStackPlugin());
} catch (error) {
  process.stderr.write(`labplan: ${error.message}\n`);
  process.exitCode = 1;
}
