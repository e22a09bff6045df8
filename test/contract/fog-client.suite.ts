import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClientLab, failing, type Start } from "./fog-client.lab";

/** What holds for every FOG server, real or embedded. Changes nothing there but what it makes. */
export function fogClientSuite(start: Start): void {
  describe("calls to a FOG server", () => {
    let lab: ClientLab;
    beforeAll(async () => {
      lab = new ClientLab(await start());
      await lab.open();
    });
    afterAll(async () => {
      const changed = await lab.close();
      await lab.system.stop();
      expect(changed).toEqual([]);
    });

    describe("hosts", () => {
      it("trap fog#21: a host is registered, found by its exact name in any case, and removed; a second removal is no error", async () => {
        const { client } = lab;
        const mac = lab.mac();
        const made = await lab.host("a", [mac.toUpperCase()]);
        expect(made).toMatchObject({ name: lab.name("a"), macs: [mac], imageId: 0, description: lab.mark });
        await lab.host("a1");
        expect(await client.hostByName(lab.name("A"))).toEqual(made);
        expect(await client.host(made.id)).toEqual(made);
        expect((await client.hosts()).map(({ name }) => name)).toContain(lab.name("a"));
        await client.deleteHost(made.id);
        await client.deleteHost(made.id);
        expect(await client.host(made.id)).toBeUndefined();
        // A search would find the other one.
        expect(await client.hostByName(lab.name("a"))).toBeUndefined();
      });

      it("trap fog#9: a name that is too long or has a space is refused, and nothing is made of it", async () => {
        const { client } = lab;
        for (const name of [`lp${lab.run}-too-long-x`, `lp${lab.run} x`])
          expect(
            (await failing(client.createHost({ name, macs: [lab.mac()], description: lab.mark })))[0],
          ).toBe("refused");
        const names = (await client.hosts()).map(({ name }) => name);
        expect(names.filter((name) => name.startsWith(`lp${lab.run}-too`) || / /.test(name))).toEqual([]);
      });

      it("trap fog#24, fog#25: a taken name, in any letters, and a taken MAC are told with whose they are", async () => {
        const { client } = lab;
        const made = await lab.host("dup");
        const again = { name: lab.name("DUP"), macs: [lab.mac()], description: "" };
        expect(await failing(client.createHost(again))).toEqual([
          "conflict",
          expect.stringContaining(`a host "${made.name}" exists already`),
        ]);
        expect(await failing(lab.host("dup2", [lab.mac(), ...made.macs]))).toEqual([
          "conflict",
          expect.stringContaining(`is a MAC of its host "${made.name}" already`),
        ]);
        expect(await client.hostByName(lab.name("dup2"))).toBeUndefined();
      });

      it("trap fog#3: fields are changed one by one, and the rest of the host stays", async () => {
        const { client } = lab;
        const image = await lab.image("fields");
        const before = await lab.host("fields", [lab.mac(), lab.mac()]);
        const description = `rack  4\n${lab.mark}`;
        const after = await client.editHost(before.id, { description, kernelArgs: "a=1", imageId: image.id });
        expect(after).toEqual({
          ...before,
          description: expect.stringMatching(/^rack\s+4\s+\[labplan/),
          kernelArgs: "a=1",
          imageId: image.id,
          imageName: image.name,
        });
        expect(await client.editHost(before.id, { description, kernelArgs: "" })).toMatchObject({
          kernelArgs: "",
          imageId: image.id,
        });
        expect((await client.editHost(before.id, { imageId: 0 })).imageId).toBe(0);
      });

      it("trap fog#23: an image that there is not is never set", async () => {
        const { client } = lab;
        const { id } = await lab.host("noimg");
        expect((await failing(client.editHost(id, { imageId: 99_999_999 })))[0]).toBe("not-found");
        expect((await client.host(id))?.imageId).toBe(0);
        expect((await failing(client.editHost(99_999_999, { description: "x" })))[0]).toBe("not-found");
      });

      it("trap fog#3: MACs are added, exchanged and taken away, and the primary one is the first", async () => {
        const { client } = lab;
        const [a, b, c] = [lab.mac(), lab.mac(), lab.mac()];
        const { id } = await lab.host("macs", [a]);
        for (const macs of [[a, b], [b, a], [a], [c], [c, b, a], [b]])
          expect((await client.editHost(id, { macs })).macs[0], macs.join()).toBe(macs[0]);
        expect((await client.editHost(id, { macs: [a, b, c] })).macs.sort()).toEqual([a, b, c].sort());
        expect(await client.hostByName(lab.name("macs"))).toMatchObject({ id, description: lab.mark });
      });
    });

    describe("images", () => {
      it("an image is registered with all that was said of it, changed field by field, and removed", async () => {
        const { client } = lab;
        const said = { osId: 9, imageType: 2, partitionType: 2, enabled: true, path: lab.name("path") };
        const made = await lab.image("one", said);
        expect(made).toEqual({ id: made.id, name: lab.name("one"), description: lab.mark, ...said });
        expect(await client.imageByName(lab.name("ONE"))).toEqual(made);
        const other = { osId: 50, imageType: 1, partitionType: 1, enabled: false, path: lab.name("other") };
        expect(await client.editImage(made.id, other)).toEqual({ ...made, ...other });
        expect((await client.editImage(made.id, { enabled: true })).enabled).toBe(true);
        await client.deleteImage(made.id);
        await client.deleteImage(made.id);
        expect(await client.imageByName(lab.name("one"))).toBeUndefined();
      });

      it("trap fog#11: an image that is to be disabled is, though a create drops what is nothing", async () => {
        expect((await lab.image("off", { enabled: false })).enabled).toBe(false);
      });

      it("trap fog#26: what an image must have is told in the server's words", async () => {
        expect(await failing(lab.image("nopath", { path: "" }))).toEqual([
          "refused",
          expect.stringContaining("Required database field is empty"),
        ]);
        expect(await lab.client.imageByName(lab.name("nopath"))).toBeUndefined();
      });

      it("a taken name is told", async () => {
        const { name } = await lab.image("twice");
        expect(await failing(lab.image("TWICE"))).toEqual([
          "conflict",
          expect.stringContaining(`an image "${name}" exists already`),
        ]);
      });
    });

    describe("tasks", () => {
      it("trap fog#5, fog#28: a task is found by host and type, and read by its number when it is over", async () => {
        const { client } = lab;
        const host = await lab.readyHost("task");
        const name = `labplan contract/${lab.run}/task deploy`;
        const task = await client.startTask(host, 1, name);
        expect(task).toMatchObject({ hostId: host.id, type: 1, state: 1, name: `${name} - ${host.name}` });
        expect(await client.activeTasks(host.id)).toEqual([task]);
        expect(await client.startTask(host, 1, name)).toEqual(task);
        await client.cancelTasks(host);
        expect(await client.activeTasks(host.id)).toEqual([]);
        expect(await client.task(task.id)).toMatchObject({ id: task.id, hostId: host.id, state: 5 });
        expect(await client.task(99_999_999)).toBeUndefined();
      });

      it("trap fog#4: six at once agree on one task", async () => {
        const { client } = lab;
        const host = await lab.readyHost("race");
        const name = `labplan contract/${lab.run}/race deploy`;
        const tasks = await Promise.all([...Array(6)].map(() => client.startTask(host, 1, name)));
        const active = await client.activeTasks(host.id);
        expect(new Set(tasks.map(({ id }) => id))).toEqual(new Set([active[0]?.id]));
        if (active.length > 1) expect(lab.warnings.join()).toContain(`${active[0]?.id} is followed`);
        await client.cancelTasks(host);
        expect(await client.activeTasks(host.id)).toEqual([]);
      });

      it("trap fog#29: another's task on the host is told, and stays", async () => {
        const { client } = lab;
        const host = await lab.readyHost("busy");
        const theirs = await client.startTask(host, 1, `contract/${lab.run} theirs`);
        expect(await failing(client.startTask(host, 1, `labplan contract/${lab.run}/busy deploy`))).toEqual([
          "conflict",
          expect.stringContaining(`task ${theirs.id} "contract/${lab.run} theirs - ${host.name}"`),
        ]);
        expect((await client.task(theirs.id))?.state).toBe(1);
      });

      it("trap fog#1: cancelling ends no task of another host, and a host that is gone or renamed has none to end", async () => {
        const { client } = lab;
        const [one, other] = [await lab.readyHost("c1"), await lab.readyHost("c2")];
        await client.startTask(one, 1, `contract/${lab.run} one`);
        const bystander = await client.startTask(other, 1, `contract/${lab.run} other`);
        expect((await failing(client.cancelTasks({ id: one.id, name: other.name })))[0]).toBe("conflict");
        expect(await client.activeTasks(one.id)).toHaveLength(1);
        await client.cancelTasks({ id: 99_999_999, name: "gone" });
        expect((await client.task(bystander.id))?.state).toBe(1);
        await client.cancelTasks(one);
        expect(await client.activeTasks(one.id)).toEqual([]);
        expect((await client.task(bystander.id))?.state).toBe(1);
      });

      it("trap fog#2: cancelling where nothing is active is success, as often as it is asked", async () => {
        const { client } = lab;
        const host = await lab.host("idle");
        await client.cancelTasks(host);
        await client.cancelTasks(host);
      });

      it("trap fog#30: a host without an image, or with a disabled one, is refused in words", async () => {
        const { client } = lab;
        const bare = await lab.host("bare");
        expect(await failing(client.startTask(bare, 1, `contract/${lab.run} bare`))).toEqual([
          "refused",
          expect.stringContaining("Image is not valid"),
        ]);
        const { id } = await lab.image("disabled", { enabled: false });
        await client.editHost(bare.id, { imageId: id });
        expect(await failing(client.startTask(bare, 1, `contract/${lab.run} bare`))).toEqual([
          "refused",
          expect.stringContaining("not enabled"),
        ]);
        expect(await client.activeTasks(bare.id)).toEqual([]);
      });

      it("MACs stay while a task is under way", async () => {
        const { client } = lab;
        const host = await lab.readyHost("cards");
        await client.startTask(host, 1, `contract/${lab.run} cards`);
        expect((await failing(client.editHost(host.id, { macs: [lab.mac()] })))[0]).toBe("conflict");
        expect((await client.host(host.id))?.macs).toEqual(host.macs);
      });

      it("the log of imagings can be read", async () => {
        for (const one of await lab.client.imagings())
          expect(one).toEqual({
            image: expect.any(String),
            host: expect.any(Number),
            seconds: expect.any(Number),
          });
      });
    });

    describe("logins", () => {
      it("trap fog#16, fog#32: a wrong api token and a wrong user token are told apart", async () => {
        const { apiToken, userToken } = lab.system.endpoint;
        const wrong = Buffer.from("wrong").toString("base64");
        expect(await failing(lab.clientOf({ apiToken: wrong }).hosts())).toEqual([
          "forbidden",
          expect.stringContaining('"apiToken"'),
        ]);
        expect(await failing(lab.clientOf({ userToken: wrong }).hosts())).toEqual([
          "unauthorized",
          expect.stringContaining('"userToken"'),
        ]);
        // As read from files; a decoded one is refused before it is sent.
        const read = lab.clientOf({ apiToken: `${apiToken}\n`, userToken: ` ${userToken}\r\n` });
        expect(Array.isArray(await read.images())).toBe(true);
      });

      it("trap fog#18: a wrong base path is told, and never taken for an object that is not there", async () => {
        const url = lab.system.endpoint.url.replace(/\/fog\/?$/, "/nowhere");
        const astray = lab.clientOf({ url });
        for (const call of [() => astray.host(1), () => astray.task(1), () => astray.hostByName("x")])
          expect(await failing(call())).toEqual([
            "protocol",
            expect.stringContaining("no FOG below /nowhere"),
          ]);
      });
    });
  });
}
