import "tsx/cjs"; // the SSH client is loaded by require(), as in the provider process
import { machineAvailable } from "../systems/ssh/machine";
import { standInPlane } from "./devstack-cloud.lab";
import { joinContract } from "./devstack-join.suite";

joinContract("the stand-in's APIs behind a real sshd", standInPlane, machineAvailable());
