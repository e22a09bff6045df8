import "tsx/cjs"; // the embedded lab and the SSH client are loaded by require()
import * as fs from "node:fs";
import * as path from "node:path";
import { embeddedStatus, ensureEmbedded } from "../../embedded/start";
import { addressOf, connectTo, defineMachine, keyPair, makeHome } from "./embedded.fixtures";
import { accessContract } from "./ssh-access.suite";

accessContract("a machine of the embedded lab", async () => {
  const { home, remove } = makeHome();
  const key = keyPair();
  await ensureEmbedded({ home });
  const isolation = (await embeddedStatus({ home }))?.isolation;
  if (isolation !== "namespaces") {
    await remove();
    return "this system has no name spaces for ordinary users";
  }
  const client = await connectTo(home);
  const names = ["root", "ada", "ops", "bob", "eve"];
  const users = names
    .map((name) => `- name: ${name}\n  ssh_authorized_keys:\n  - ${key.publicKey}\n`)
    .join("");
  const domain = await defineMachine(client, {
    ...{ name: "node1", mac: "52:54:00:00:00:05", publicKey: key.publicKey },
    // Goes on with the list of users that it begins.
    userData: users,
  });
  await client.domainStart(domain);
  const { address, sshPort, hostKey } = await addressOf(home, "node1");
  const identityFile = path.join(path.dirname(home), "key");
  fs.writeFileSync(identityFile, key.privateKey, { mode: 0o600 });
  return {
    on: { address, sshPort, sshHostKey: hostKey },
    identityFile,
    isReal: false,
    noSudo: "a sandbox has only one user, and its sudo refuses nothing",
    stop: async () => {
      await client.close();
      await remove();
    },
  };
});
