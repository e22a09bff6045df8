import "tsx/cjs"; // the SSH client is loaded by require(), as in the provider process
import { available } from "../systems/openstack/start";
import { machineAvailable } from "../systems/ssh/machine";
import { realPlane } from "./devstack-cloud.lab";
import { joinContract } from "./devstack-join.suite";

const reason = machineAvailable() ?? available();

joinContract("nova, placement, glance and neutron themselves", realPlane, reason);
