import * as fs from "node:fs";
import * as path from "node:path";
import { ensureEmbedded } from "../../embedded/start";
import { makeHome } from "./embedded.fixtures";
import { runProgram, virtualBoxTruth } from "./embedded-virtualbox-truth.suite";

const PROGRAM = path.join(__dirname, "../../embedded/virtualbox/VBoxManage.cjs");

virtualBoxTruth("the embedded VBoxManage", async () => {
  const { home, remove } = makeHome();
  const lab = await ensureEmbedded({ home });
  const folder = path.join(lab.home, "virtualbox", "truth");
  fs.mkdirSync(folder, { recursive: true });
  const { uid, gid } = fs.statSync(lab.home);
  const give = (file: string): void => fs.chownSync(file, uid, gid);
  give(folder);
  return { folder, give, stop: remove, run: runProgram(process.execPath, [PROGRAM, lab.virtualBoxSocket]) };
});
