import { describe, expect, it } from "vitest";
import {
  hostOf,
  imageOf,
  imagingOf,
  rowsOf,
  sameName,
  sameText,
  taskOf,
} from "../../../../../providers/fog/parse";

const TASK = { id: "1", hostID: "3", name: "x - pod1-node1", stateID: "3", typeID: "1" };

describe("objects of the server", () => {
  it("trap fog#20: a host of 1.5 has strings for everything, and empty texts for what it has not", () => {
    const row = {
      id: "4",
      name: "pod1-node1",
      description: "",
      ip: "",
      imageID: "2",
      imagename: "rocky9",
      deployed: "0000-00-00 00:00:00",
      kernelArgs: "",
      primac: "52:54:00:AA:00:02",
      macs: ["52:54:00:aa:00:01", "52:54:00:aa:00:02"],
      ADPass: "secret",
      inventory: {},
    };
    expect(hostOf(row)).toEqual({
      id: 4,
      name: "pod1-node1",
      description: "",
      macs: ["52:54:00:aa:00:02", "52:54:00:aa:00:01"],
      imageId: 2,
      imageName: "rocky9",
      kernelArgs: "",
    });
  });

  it("trap fog#13: a host of 1.6 may have numbers, null and words, and its list shows one MAC", () => {
    const row = {
      id: 4,
      name: "pod1-node1",
      description: null,
      ip: "10.0.0.9",
      imageID: 0,
      imagename: null,
      deployed: "No Data",
      kernelArgs: null,
      primac: "52-54-00-AA-00-02",
    };
    expect(hostOf(row)).toEqual({
      id: 4,
      name: "pod1-node1",
      description: "",
      macs: ["52:54:00:aa:00:02"],
      imageId: 0,
      ip: "10.0.0.9",
      kernelArgs: "",
    });
    expect(hostOf({ ...row, deployed: "2026-11-21 09:00:00" }).deployed).toBe("2026-11-21 09:00:00");
    const image = { id: 2, name: "i", path: "p", osID: 50, imageTypeID: 1, imagePartitionTypeID: 1 };
    expect(imageOf({ ...image, isEnabled: true }).enabled).toBe(true);
    expect(imageOf({ ...image, isEnabled: "0" }).enabled).toBe(false);
    expect(imageOf({ ...image, isEnabled: "" }).enabled).toBe(false);
    expect(taskOf({ ...TASK, id: 1, hostID: 3, stateID: 6, typeID: 1 })).toMatchObject({
      id: 1,
      hostId: 3,
      state: 6,
    });
  });

  it("rows are found in both lines' lists, and what is no list is not an empty one", () => {
    const row = { id: "1" };
    expect(rowsOf({ count: 1, hosts: [row] }, "hosts")).toEqual([row]);
    expect(rowsOf({ recordsTotal: 1, data: [row] }, "hosts")).toEqual([row]);
    // PHP writes a list with a gap as an object.
    expect(rowsOf({ count: 1, hosts: { "2": row } }, "hosts")).toEqual([row]);
    expect(rowsOf({ count: 0, hosts: [] }, "hosts")).toEqual([]);
    for (const wrong of [undefined, null, "", "x", [], {}, { images: [] }, { hosts: "" }, { hosts: ["x"] }])
      expect(rowsOf(wrong, "hosts"), JSON.stringify(wrong)).toBeUndefined();
  });

  it("a task says how far it is", () => {
    const row = {
      ...TASK,
      percent: "40",
      pct: "0000000040",
      timeElapsed: "00:00:42",
      timeRemaining: "00:01:10",
      dataCopied: "8.1 GiB",
      dataTotal: "20.0 GiB",
      createdBy: "fog",
      storagenode: { user: "u", pass: "p" },
    };
    expect(taskOf(row)).toEqual({
      id: 1,
      hostId: 3,
      name: "x - pod1-node1",
      type: 1,
      state: 3,
      percent: 40,
      elapsed: "00:00:42",
      remaining: "00:01:10",
      copied: "8.1 GiB",
      total: "20.0 GiB",
      createdBy: "fog",
    });
    expect(taskOf({ ...TASK, percent: "", pct: "0000000007" }).percent).toBe(7);
    expect(taskOf({ ...TASK, percent: "" })).toMatchObject({ percent: 0 });
    expect(taskOf({ ...TASK, stateID: undefined, state: { id: "4" } }).state).toBe(4);
  });

  it("a state that nobody knows is neither the end nor a wait without one", () => {
    for (const stateID of ["7", "0", "", undefined])
      expect(() => taskOf({ ...TASK, stateID })).toThrow("in a state that is not known here");
  });

  it("an object without a number is refused: a path without one could mean all of them", () => {
    for (const id of ["", "0", undefined, "1x", -1, {}, "1e3"])
      expect(() => hostOf({ id, name: "x" }), String(id)).toThrow("without a number");
  });

  it("trap fog#11: white space and the case of names say nothing", () => {
    expect(sameText("a  b\n c ", "a b c")).toBe(true);
    expect(sameText("a b", "A b")).toBe(false);
    expect(sameName("Pod1-Node1", "pod1-node1")).toBe(true);
    expect(sameName("pod1-node1", "pod1-node10")).toBe(false);
  });

  it("trap fog#31: how long an imaging took is the difference of two of the server's own times; only a deployment that has ended counts", () => {
    const log = {
      hostID: "3",
      image: "rocky9",
      type: "down",
      start: "2026-11-21 09:00:00",
      finish: "2026-11-21 09:08:30",
    };
    expect(imagingOf(log)).toEqual({ image: "rocky9", host: 3, seconds: 510, finish: log.finish });
    expect(imagingOf({ ...log, hostID: undefined, host: { id: 3 } })).toMatchObject({ host: 3 });
    expect(imagingOf({ ...log, finish: "0000-00-00 00:00:00" })).toBeUndefined();
    expect(imagingOf({ ...log, type: "up" })).toBeUndefined();
    expect(imagingOf({ ...log, start: "No Data" })).toBeUndefined();
  });
});
