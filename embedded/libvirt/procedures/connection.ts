import * as os from "node:os";
import { AUTH, FEATURE } from "../../../providers/libvirt/rpc/procedures";
import { XdrWriter } from "../../../providers/libvirt/rpc/xdr";
import { CODE, FROM, refuse } from "../errors";
import { element, printXml } from "../xml/tree";
import type { Handler } from "./handler";

/** We speak as 9.0.0 does: what was measured is what we imitate. */
const LIBVIRT_VERSION = 9_000_000n;

export const connectionHandlers = {
  authList: () => new XdrWriter().array([AUTH.none], (writer, kind) => writer.i32(kind)),
  authPolkit: () => {
    throw refuse(CODE.authFailed, FROM.rpc, "authentication failed");
  },
  connectOpen: (args, { connection }) => {
    const name = args.optionalString();
    if (connection.open) throw refuse(CODE.internal, FROM.rpc, "connection already open");
    if (name !== undefined && !/^(qemu|embedded|test):/.test(name)) {
      throw refuse(CODE.noConnect, FROM.none, `no connection driver available for ${name}`);
    }
    connection.open = true;
  },
  connectClose: (_, { connection, afterReply }) => {
    afterReply(() => connection.end());
  },
  connectGetCapabilities: () => new XdrWriter().string(capabilities()),
  connectGetHostname: () => new XdrWriter().string(os.hostname()),
  connectGetLibVersion: () => new XdrWriter().u64(LIBVIRT_VERSION),
  connectSupportsFeature: (args) =>
    new XdrWriter().i32(args.i32() === FEATURE.networkUpdateHasCorrectOrder ? 1 : 0),
} satisfies Record<string, Handler>;

function capabilities(): string {
  const text = (name: string, value: string) => element(name, {}, [value]);
  const machine = (name: string, canonical?: string) =>
    element("machine", { canonical, maxCpus: "255" }, [name]);
  const domains = ["qemu"].map((type) => element("domain", { type }));
  return printXml(
    element("capabilities", {}, [
      element("host", {}, [
        text("uuid", "00000000-0000-4000-8000-656d62656464"),
        element("cpu", {}, [
          text("arch", "x86_64"),
          element("topology", {
            sockets: "1",
            dies: "1",
            cores: String(os.cpus().length || 1),
            threads: "1",
          }),
        ]),
      ]),
      element("guest", {}, [
        text("os_type", "hvm"),
        element("arch", { name: "x86_64" }, [
          text("wordsize", "64"),
          text("emulator", "/usr/bin/qemu-system-x86_64"),
          machine("pc-i440fx-7.2"),
          machine("pc", "pc-i440fx-7.2"),
          machine("pc-q35-7.2"),
          machine("q35", "pc-q35-7.2"),
          ...domains,
        ]),
      ]),
    ]),
  );
}
