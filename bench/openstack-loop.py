"""What a script over openstacksdk does for as many machines as a stack has, one call after another.

usage: openstack-loop.py COUNT [together]
Logs in by OS_* variables. "together" creates all servers first and then waits. Prints seconds as JSON, cleans up.
"""

import json
import sys
import time
import uuid

import openstack

count = int(sys.argv[1])
together = "together" in sys.argv[2:]
tag = f"loop-{uuid.uuid4().hex[:6]}"
cloud = openstack.connect()
times = {}


def timed(name):
    def run(work):
        started = time.monotonic()
        work()
        times[name] = time.monotonic() - started

    return run


made = {"ports": [], "servers": [], "addresses": []}


@timed("create")
def create():
    external = cloud.get_network("public")
    key = cloud.create_keypair(tag)
    network = cloud.create_network(tag)
    subnet = cloud.create_subnet(network.id, cidr="10.20.0.0/16", subnet_name=tag)
    router = cloud.create_router(tag, ext_gateway_net_id=external.id)
    cloud.add_router_interface(router, subnet_id=subnet.id)
    group = cloud.create_security_group(tag, "bench")
    cloud.create_security_group_rule(group.id, 22, 22, "tcp", "0.0.0.0/0")
    made.update(key=key, network=network, subnet=subnet, router=router, group=group)
    image, flavor = cloud.get_image("cirros-a"), cloud.get_flavor("m1.tiny")
    for index in range(count):
        port = cloud.create_port(
            network.id, security_groups=[group.id], fixed_ips=[{"subnet_id": subnet.id}]
        )
        made["ports"].append(port)
        server = cloud.create_server(
            f"{tag}-{index}",
            image=image,
            flavor=flavor,
            key_name=key.name,
            network=None,
            nics=[{"port-id": port.id}],
            meta={"index": str(index)},
            auto_ip=False,
            wait=not together,
            timeout=600,
        )
        made["servers"].append(server)
        made["addresses"].append(
            cloud.network.create_ip(floating_network_id=external.id, port_id=port.id)
        )
    while together:
        states = [server.status for server in cloud.compute.servers(name=tag)]
        assert "ERROR" not in states, states
        if states.count("ACTIVE") == count:
            break
        time.sleep(1)


@timed("destroy")
def destroy():
    for address in made["addresses"]:
        cloud.delete_floating_ip(address.id)
    for server in made["servers"]:
        cloud.delete_server(server.id, wait=not together, timeout=600)
    while together and list(cloud.compute.servers(name=tag)):
        time.sleep(1)
    for port in made["ports"]:
        cloud.delete_port(port.id)
    cloud.remove_router_interface(made["router"], subnet_id=made["subnet"].id)
    cloud.delete_router(made["router"].id)
    cloud.delete_network(made["network"].id)
    cloud.delete_security_group(made["group"].id)
    cloud.delete_keypair(made["key"].name)


print(json.dumps(times))
