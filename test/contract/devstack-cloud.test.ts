import "tsx/cjs"; // the SSH client is loaded by require(), as in the provider process
import { machineAvailable } from "../systems/ssh/machine";
import { standInPlane } from "./devstack-cloud.lab";
import { cloudContract } from "./devstack-cloud.suite";

cloudContract("the stand-in's APIs behind a real sshd", standInPlane, machineAvailable());
