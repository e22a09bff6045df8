import "tsx/cjs"; // the SSH client is loaded by require(), as in the provider process
import { available } from "../systems/openstack/start";
import { machineAvailable } from "../systems/ssh/machine";
import { realPlane } from "./devstack-cloud.lab";
import { cloudContract } from "./devstack-cloud.suite";

// Servers of the fake driver are booted and deleted for real; that they answer a ping is played.
cloudContract("nova, placement, glance and neutron", realPlane, machineAvailable() ?? available());
