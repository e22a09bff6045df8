import "tsx/cjs"; // the SSH client is loaded by require(), as in the provider process
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { closePool, connectLibvirt, libvirtFor } from "../../providers/libvirt/connect";
import { type Libvirtd, available as libvirtdAvailable, startLibvirtd } from "../systems/libvirt/start";
import { type Sshd, available as sshdAvailable, startSshd } from "../systems/ssh/start";
import { domainXml } from "./libvirt-client.fixtures";

const reason = libvirtdAvailable() ?? sshdAvailable();

describe.skipIf(reason && !process.env.CI)(`qemu+ssh${reason ? ` (not run: ${reason})` : ""}`, () => {
  let daemon: Libvirtd;
  let sshd: Sshd;
  const servers: Sshd[] = [];
  /** An sshd whose commands run inside the namespaces of the libvirtd: the far side, with its default socket. */
  const inside = async (...config: string[]) => {
    const command = `ForceCommand ${daemon.enter.join(" ")} sh -c "$SSH_ORIGINAL_COMMAND"`;
    const server = await startSshd({ config: [command, ...config] });
    servers.push(server);
    return server;
  };
  const uriOf = (server: Sshd, query = "") =>
    `qemu+ssh://${server.user}@127.0.0.1:${server.port}/system${query}`;
  const login = (server: Sshd) => ({ hostKey: server.hostKey, identityFile: server.identityFile });

  beforeAll(async () => {
    daemon = await startLibvirtd();
    sshd = await startSshd();
    servers.push(sshd);
  });
  afterAll(async () => {
    await closePool();
    for (const server of servers) await server.stop();
    await daemon?.stop();
  });

  it("reaches the socket of the far side over a forwarded stream", async () => {
    const client = await connectLibvirt(uriOf(sshd, `?socket=${daemon.socket}`), login(sshd));
    expect(await client.version()).toBeGreaterThan(6_000_000);
    const domains = await Promise.all(Array.from({ length: 20 }, () => client.domainDefine(domainXml())));
    expect(await client.domains()).toHaveLength(20);
    await Promise.all(domains.map((domain) => client.domainUndefine(domain)));
    await client.close();
  });

  it("trap libvirt#40: falls back to virt-ssh-helper where streams are not forwarded, never with a socket of the URI's", async () => {
    await daemon.nsenter(["ln", "-sf", daemon.socket, "/run/libvirt/libvirt-sock"]);
    const server = await inside("AllowStreamLocalForwarding no");
    const client = await connectLibvirt(uriOf(server), login(server));
    expect(await client.version()).toBeGreaterThan(6_000_000);
    const domain = await client.domainDefine(domainXml());
    expect(await client.domainByUuid(domain.uuid)).toEqual(domain);
    await client.domainUndefine(domain);
    await client.close();

    await expect(connectLibvirt(uriOf(server, `?socket=${daemon.socket}`), login(server))).rejects.toThrow(
      /AllowStreamLocalForwarding/,
    );
  });

  it("says what is missing when the far side has no libvirt", async () => {
    const server = await startSshd({
      config: [`ForceCommand PATH=/nonexistent exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"`],
    });
    servers.push(server);
    await expect(connectLibvirt(uriOf(server), login(server))).rejects.toThrow(
      /cannot reach the socket.*virt-ssh-helper.*not found.*Is libvirt .* installed/s,
    );
  });

  it("does not talk to a host with another key", async () => {
    const other = await startSshd();
    servers.push(other);
    const attempt = connectLibvirt(uriOf(sshd), { ...login(sshd), hostKey: other.hostKey });
    await expect(attempt).rejects.toMatchObject({ reason: "host-key" });
  });

  it("lets an idle link of the pool go, so that the process can end, and makes it again", async () => {
    const uri = uriOf(sshd, `?socket=${daemon.socket}`);
    const client = await libvirtFor(uri, { ...login(sshd), idleMs: 100 });
    expect(await client.hostName()).not.toBe("");
    const sessions = async () => (await sshd.log()).match(/Accepted publickey/g)?.length ?? 0;
    const before = await sessions();
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(await client.hostName()).not.toBe("");
    expect(await sessions()).toBe(before + 1);
  });
});
