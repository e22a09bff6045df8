"""What a cloud has before anybody uses it: seed.py identity PORTS… | seed.py cloud. Logs in by OS_* variables."""

import sys

import openstack

cloud = openstack.connect()


def identity(glance, placement, nova, neutron):
    keystone = cloud.identity
    roles = {role.name: role for role in keystone.roles()}
    service = keystone.create_project(name="service", domain_id="default")
    user = keystone.create_user(
        name="service", password="service", domain_id="default", default_project_id=service.id
    )
    for name in ("admin", "service"):
        role = roles.get(name) or keystone.create_role(name=name)
        keystone.assign_project_role_to_user(service, user, role)

    # Somebody who is not an administrator.
    lab = keystone.create_project(name="lab", domain_id="default")
    member = keystone.create_user(name="lab", password="lab-password-canary", domain_id="default")
    for name in ("member", "reader"):
        keystone.assign_project_role_to_user(lab, member, roles[name])

    for name, kind, url in (
        ("glance", "image", f"http://127.0.0.1:{glance}"),
        ("placement", "placement", f"http://127.0.0.1:{placement}"),
        ("nova", "compute", f"http://127.0.0.1:{nova}/v2.1"),
        ("neutron", "network", f"http://127.0.0.1:{neutron}"),
    ):
        made = keystone.create_service(name=name, type=kind)
        for interface in ("public", "internal", "admin"):
            keystone.create_endpoint(
                service_id=made.id, interface=interface, url=url, region_id="RegionOne"
            )


def objects():
    for name in ("cirros-a", "cirros-b"):
        cloud.image.create_image(
            name=name,
            disk_format="raw",
            container_format="bare",
            visibility="public",
            data=name.encode() * 8192,
            validate_checksum=False,
        )
    cloud.compute.create_flavor(name="m1.tiny", ram=128, vcpus=1, disk=1)
    cloud.compute.create_flavor(name="m1.small", ram=256, vcpus=1, disk=2)
    public = cloud.network.create_network(
        name="public",
        is_router_external=True,
        provider_network_type="flat",
        provider_physical_network="ext",
    )
    cloud.network.create_subnet(
        name="public", network_id=public.id, ip_version=4, cidr="203.0.113.0/24", is_dhcp_enabled=False
    )


if sys.argv[1] == "identity":
    identity(*sys.argv[2:])
else:
    objects()
