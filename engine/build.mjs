// Build the Pulumi CLI and its Node language host from Go modules, into the launcher's cache.
import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";

const VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version";

/** Needs Go 1.26; about 3 minutes on 2 cores. The binaries get their names only when they are complete. */
export async function buildPulumi(root, version, target) {
  const go = spawnSync("go", ["version"], { encoding: "utf8" });
  if (go.status !== 0) throw new Error('Go is not installed ("go version" failed)');
  process.stderr.write(
    `labplan: building the Pulumi CLI ${version} from Go modules (about 3 minutes, once) …\n`,
  );
  fs.mkdirSync(target, { recursive: true });
  const flags = `-s -w -X ${VERSION_VARIABLE}=v${version}`;
  await goBuild(
    path.join(root, "engine", "language-host"),
    "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs",
    path.join(target, "pulumi-language-nodejs"),
    "-s -w",
  );
  const shim = path.join(root, "node_modules", "@pulumi", "pulumi", "pulumi-resource-pulumi-nodejs");
  fs.copyFileSync(shim, path.join(target, "pulumi-resource-pulumi-nodejs"));
  fs.chmodSync(path.join(target, "pulumi-resource-pulumi-nodejs"), 0o755);
  await goBuild(
    path.join(root, "engine", "cli"),
    "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    path.join(target, "pulumi"),
    flags,
  );
}

/** One `go build -v`; its package lines are counted, and its error lines kept. */
export function goBuild(module, pkg, output, ldflags) {
  const partial = `${output}.${process.pid}.part`;
  const name = path.basename(output);
  return new Promise((resolve, reject) => {
    const child = spawn(
      "go",
      ["build", "-v", "-trimpath", "-mod=readonly", "-ldflags", ldflags, "-o", partial, pkg],
      {
        cwd: module,
        env: { ...process.env, CGO_ENABLED: "0" },
        stdio: ["ignore", "inherit", "pipe"],
      },
    );
    let count = 0;
    let tail = "";
    const started = Date.now();
    const seconds = () => Math.round((Date.now() - started) / 1000);
    const ticker = setInterval(
      () => process.stderr.write(`labplan:   ${name}: ${count} packages, ${seconds()} s\n`),
      15_000,
    );
    child.stderr.setEncoding("utf8");
    child.stderr.on("data", (text) => {
      count += text.split("\n").length - 1;
      tail = (tail + text).slice(-2_000);
    });
    child.on("error", (error) => finish(error));
    child.on("close", (code) =>
      finish(code === 0 ? undefined : new Error(`go build of ${name} failed (exit ${code}):\n${tail}`)),
    );
    function finish(error) {
      clearInterval(ticker);
      if (error) {
        fs.rmSync(partial, { force: true });
        reject(error);
        return;
      }
      fs.renameSync(partial, output);
      process.stderr.write(`labplan:   ${name}: built in ${seconds()} s\n`);
      resolve();
    }
  });
}
