import "tsx/cjs"; // the SSH client is loaded by require(), as in the provider process
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HostState, MeshState } from "../../providers/devstack/types";
import { available } from "../systems/nodes/start";
import { hostDefinition, meshDefinition, Rack } from "./devstack-nodes.lab";
import { Killed, newTrace, up } from "./libvirt-handlers.run";

const reason = available();

describe.skipIf(reason && !process.env.CI)(`hosts and meshes${reason ? ` (not run: ${reason})` : ""}`, () => {
  let rack: Rack;
  beforeAll(async () => {
    rack = await Rack.start(3);
  });
  afterAll(() => rack?.stop());

  /** Everything that a host is made of. */
  const look = (index = 0) =>
    rack.sh(
      "hostname; cat /etc/hostname /etc/hosts /etc/passwd /etc/group; ls -la /etc/sudoers.d /opt | sed 1d | awk '{print $1,$3,$9}' | grep -v ' [.]'; ls -a /opt/stack/.ssh /root/.ssh 2>/dev/null; cat /root/.ssh/config /etc/ssh/ssh_known_hosts 2>/dev/null; ls -R /var/lib/labplan 2>/dev/null || :",
      index,
    );
  const make = (index = 0, known?: HostState) =>
    up(hostDefinition, rack.host(index), rack.run<HostState>(index), known);
  const unmake = (index: number, state: HostState) =>
    hostDefinition.remove(state, rack.run<HostState>(index));

  it("trap openstack#24: the same user and number everywhere, with sudo and a key of its own", async () => {
    const before = await look();
    const state = await make();
    expect(state).toMatchObject({ ...rack.host(), intact: true });
    expect(state.publicKey).toMatch(/^ssh-ed25519 AAAA\S+ stack@hv1$/);
    expect(await rack.sh("id -u stack; hostname; stat -c %A /opt/stack")).toMatch(/^1500\nhv1\nd........x/);
    expect(await rack.sh("runuser -u stack -- sudo -n id -u")).toBe("0\n");
    expect(await rack.sh("stat -c '%a %U' /opt/stack/.ssh/id_ed25519")).toBe("600 stack\n");
    expect(await hostDefinition.observe(state, rack.run<HostState>(0), state)).toEqual(state);
    const key = await rack.sh("cat /opt/stack/.ssh/id_ed25519");
    expect(await make(0, state)).toEqual(state);
    expect(await rack.sh("cat /opt/stack/.ssh/id_ed25519")).toBe(key);
    expect(JSON.stringify(state)).not.toContain("PRIVATE");
    await unmake(0, state);
    expect(await look()).toBe(before);
  });

  it("a user of that name or number that is somebody else's is refused, and says whose", async () => {
    await rack.sh("useradd -m -u 1500 other");
    await expect(make()).rejects.toThrow(/uid 1500 is that of the user "other"/);
    await rack.sh("userdel -r other 2>/dev/null; useradd -m -d /opt/stack -u 1600 stack");
    await expect(make()).rejects.toThrow(/user "stack" is there with uid 1600.*Say "uid: 1600"/);
    const problems = await hostDefinition.precheck?.(rack.host(), rack.run<HostState>(0));
    expect(problems?.[0]?.message).toMatch(/uid 1600/);
    await unmake(0, { ...rack.host(), publicKey: "", intact: false });
    expect(await rack.sh("id -u stack")).toBe("1600\n");
    await rack.sh("userdel -r stack 2>/dev/null; rm -rf /opt/stack");
  });

  it("a user that was there before stays, with what is its own", async () => {
    await rack.sh("useradd -m -d /opt/stack -u 1500 stack; echo mine > /opt/stack/mine");
    const state = await make();
    await unmake(0, state);
    expect(await rack.sh("id -u stack; cat /opt/stack/mine; ls -a /opt/stack/.ssh")).toBe(
      "1500\nmine\n.\n..\n",
    );
    await rack.sh("userdel -r stack 2>/dev/null; rm -rf /opt/stack");
  });

  it("a home stays with its user where a clone of devstack was left in it, or something is mounted", async () => {
    const state = await make();
    await rack.sh(
      "mkdir -p /opt/stack/data/disk && mount -t tmpfs disk /opt/stack/data/disk && touch /opt/stack/data/disk/theirs",
    );
    await expect(unmake(0, state)).rejects.toThrow(
      /while something is mounted there: \/opt\/stack\/data\/disk\./,
    );
    expect(await rack.sh("id -u stack; ls /opt/stack/data/disk")).toBe("1500\ntheirs\n");
    await rack.sh(
      "umount /opt/stack/data/disk; mkdir /opt/stack/devstack; echo mine > /opt/stack/devstack/mine",
    );
    const trace = newTrace();
    await hostDefinition.remove(state, rack.run<HostState>(0, { trace }));
    expect(trace.said.join()).toMatch(/\/opt\/stack and the user "stack" stay, because the clone/);
    expect(
      await rack.sh("id -u stack; cat /opt/stack/devstack/mine; ls /etc/sudoers.d | grep labplan || :"),
    ).toBe("1500\nmine\n");
    await rack.sh("userdel -r stack 2>/dev/null; rm -rf /opt/stack");
  });

  it("a home stays with its user where somebody's work is in a clone below it; one without goes", async () => {
    const before = await look();
    const remove = async (state: HostState) => {
      const trace = newTrace();
      await hostDefinition.remove(state, rack.run<HostState>(0, { trace }));
      return trace.said.join();
    };
    const git = "runuser -u stack -- git -C /opt/stack/nova -c user.name=n -c user.email=e@f";
    const clone = "cd /; runuser -u stack -- git clone -q /opt/git/openstack/devstack.git /opt/stack/nova";
    const state = await make();
    await rack.sh(`${clone}; ${git} commit -q --allow-empty -m Mine`);
    expect(await remove(state)).toMatch(
      /\/opt\/stack and the user "stack" stay, because somebody's work is in clones there:\nnova: commit \S+ Mine/,
    );
    expect(await rack.sh("ls /opt/stack/nova/stack.sh; id -u stack")).toContain("1500");
    // Its user is gone, and git would ask whose it is.
    await rack.sh("userdel stack; rm -rf /opt/stack");
    const again = await make();
    await rack.sh(
      `${clone}; touch /opt/stack/nova/mine; userdel stack; mv /etc/gitconfig /etc/gitconfig.off`,
    );
    expect(await remove(again)).toMatch(/clones there:\nnova: \?\? mine/);
    await rack.sh("rm -rf /opt/stack; mv /etc/gitconfig.off /etc/gitconfig");
    const clean = await make();
    await rack.sh(clone);
    expect(await remove(clean)).toBe("");
    expect(await look()).toBe(before);
  });

  it("/etc/hosts is left as it is when its disk is full; an empty home of root's is given to the user that we make", async () => {
    const before = await rack.sh("cat /etc/hosts");
    await rack.sh(
      "mkdir -p /run/small && mount -t tmpfs -o size=8k small /run/small && cp /etc/hosts /run/small/hosts && ln -s /run/small/part /etc/hosts.labplan-part && mount --bind /run/small/hosts /etc/hosts; cat /dev/zero > /run/small/fill 2>/dev/null || :; mkdir -p /opt/stack",
    );
    await expect(make()).rejects.toThrow(/No space left|could not set the host name/);
    expect(await rack.sh("cat /etc/hosts")).toBe(before);
    await rack.sh("umount /etc/hosts; umount /run/small; rm -f /etc/hosts.labplan-part");
    expect(await rack.sh("cat /etc/hosts")).toBe(before);
    const state = await make();
    expect(await rack.sh("stat -c %U:%G /opt/stack")).toBe("stack:stack\n");
    await unmake(0, state);
    await rack.sh("rm -rf /opt/stack");
  });

  it("trap openstack#25: a home that others cannot enter is drift, and opened again; sudo put back", async () => {
    const state = await make();
    await rack.sh("chmod 700 /opt/stack; rm /etc/sudoers.d/labplan-stack");
    const found = await hostDefinition.observe(state, rack.run<HostState>(0), state);
    expect(found?.intact).toBe(false);
    expect(await make(0, found)).toEqual(state);
    await unmake(0, state);
  });

  it("killed at any step and repeated: the same end; removed from wherever it stopped", async () => {
    const before = await look();
    for (const dieAt of ["1/4 host name", "2/4 user", "3/4 key", "4/4 packages"]) {
      const dies = rack.run<HostState>(0, { dieAt });
      await expect(up(hostDefinition, rack.host(), dies)).rejects.toThrow(Killed);
      const partial = { ...rack.host(), publicKey: "", intact: false };
      if (dieAt !== "3/4 key") {
        expect((await make()).intact, dieAt).toBe(true);
      }
      await unmake(0, partial);
      expect(await look(), dieAt).toBe(before);
    }
  });

  it("a machine that was renamed is still the one that we made a user on, which goes with it", async () => {
    const before = await look();
    await make();
    const renamed = rack.host(0, { name: "gpu1" });
    const state = await up(hostDefinition, renamed, rack.run<HostState>(0));
    expect(await hostDefinition.observe(renamed, rack.run<HostState>(0), state)).toEqual(state);
    await unmake(0, state);
    expect(await look()).toBe(before);
  });

  it("another stack's node is left alone; a machine that is lost does not hold up a destroy", async () => {
    const state = await make();
    const theirs = rack.run<HostState>(0, { mark: { stack: "prod" } });
    await expect(up(hostDefinition, rack.host(), theirs)).rejects.toThrow(
      /test\/node1\) looks after devstack/,
    );
    const trace = newTrace();
    const away = { ...rack.run<HostState>(0, { trace }), on: { ...rack.node(0).on, sshPort: 1 } };
    await hostDefinition.remove(state, away);
    await hostDefinition.remove(state, { ...away, on: {} });
    expect(trace.said.join("\n")).toMatch(
      /does not answer, and nothing is removed[\s\S]*nowhere to be found/,
    );
    await unmake(0, state);
  });

  describe("mesh", () => {
    let hosts: HostState[] = [];
    beforeAll(async () => {
      hosts = await Promise.all([0, 1, 2].map((index) => make(index)));
    });
    const meshUp = (count: number, known?: MeshState) =>
      up(meshDefinition, rack.mesh(count), rack.run<MeshState>(0, { name: "lab" }), known);
    const ssh = (from: number, user: string, to: string) =>
      rack.sh(
        `runuser -u ${user} -- env HOME=$(getent passwd ${user} | cut -d: -f6) ssh -o BatchMode=yes -o StrictHostKeyChecking=yes ${to} hostname`,
        from,
      );

    it("trap openstack#26: stack and root of each node log in to every other, by name, with keys that are known", async () => {
      await rack.sh(
        "echo '# mine' > /opt/stack/.ssh/authorized_keys; chown stack /opt/stack/.ssh/authorized_keys",
        1,
      );
      const before = await look(1);
      const state = await meshUp(2);
      expect(state).toEqual({ ...rack.mesh(2), incomplete: [] });
      expect(await ssh(0, "stack", "hv2")).toBe("hv2\n");
      expect(await ssh(1, "stack", rack.node(0).underlay)).toBe("hv1\n");
      // As libvirt's live migration does.
      expect(await ssh(0, "root", "hv2")).toBe("hv2\n");
      expect(await meshDefinition.observe(state, rack.run<MeshState>(0, { name: "lab" }), state)).toEqual(
        state,
      );

      const more = await meshUp(3, state);
      expect(await ssh(2, "stack", "hv1")).toBe("hv1\n");
      expect(await ssh(0, "stack", "node3")).toBe("hv3\n");
      const fewer = await meshUp(2, more);
      expect(await rack.sh("cat /etc/hosts /etc/ssh/ssh_known_hosts", 1)).not.toContain("hv3");

      await rack.sh("sed -i /hv2/d /etc/hosts", 0);
      const found = await meshDefinition.observe(fewer, rack.run<MeshState>(0, { name: "lab" }), fewer);
      expect(found?.incomplete).toEqual(["node1"]);
      await meshUp(2, found);

      const gone = rack.run<MeshState>(0, { name: "lab" });
      await meshDefinition.remove(fewer, gone);
      expect(await look(1)).toBe(before);
      expect(
        await rack.sh("cat /opt/stack/.ssh/authorized_keys; stat -c %U /opt/stack/.ssh/authorized_keys", 1),
      ).toBe("# mine\nstack\n");
    });

    it("a node that is gone already does not hold up its removal", async () => {
      const state = await meshUp(3);
      const trace = newTrace();
      const run = rack.run<MeshState>(0, { name: "lab", trace });
      const peers = { ...run.peers, node2: { ...rack.node(1).on, sshPort: 1 }, node3: {} };
      await meshDefinition.remove(state, { ...run, peers });
      expect(trace.said.join()).toMatch(/"node2" does not answer/);
      expect(await rack.sh("cat /etc/hosts")).not.toContain("labplan begin");
      // A node that leaves takes the blocks of its mesh along.
      expect(await rack.sh("cat /etc/hosts", 2)).toContain("labplan begin");
      await Promise.all(hosts.map((host, index) => unmake(index, host)));
      expect(await rack.sh("cat /etc/hosts", 2)).not.toContain("labplan");
    });
  });
});
