# Sourced by plane.sh: writes the services' configuration to /mnt/etc. Everything is below /mnt, so only ports differ.

write_configuration() {
  local etc=/mnt/etc keystone=http://127.0.0.1:$KEYSTONE
  local queue=rabbit://guest:guest@127.0.0.1:$RABBIT/
  mkdir -p $etc /mnt/log /mnt/data/{images,nova,neutron,locks} /mnt/rabbit /mnt/keys/{fernet,credential}
  cp /mnt/paste/*.ini $etc/

  as_service() {
    cat <<CONF
auth_type = password
auth_url = $keystone
project_domain_name = Default
user_domain_name = Default
region_name = RegionOne
project_name = service
username = service
password = service
CONF
  }
  # $1: database, or nothing
  common() {
    [ -z "$1" ] || printf '[database]\nconnection = %s\nmax_pool_size = 10\nmax_overflow = 30\n' "$(database "$1")"
    cat <<CONF
[keystone_authtoken]
www_authenticate_uri = $keystone
$(as_service)
service_token_roles_required = true
token_cache_time = 3600
[oslo_concurrency]
lock_path = /mnt/data/locks
[oslo_messaging_rabbit]
heartbeat_in_pthread = false
[oslo_middleware]
enable_proxy_headers_parsing = false
CONF
  }

  cat >$etc/keystone.conf <<CONF
[DEFAULT]
debug = false
[database]
connection = $(database keystone)
[token]
provider = fernet
expiration = 86400
[fernet_tokens]
key_repository = /mnt/keys/fernet
[credential]
key_repository = /mnt/keys/credential
[cache]
enabled = true
backend = oslo_cache.dict
CONF
  cat >$etc/glance-api.conf <<CONF
[DEFAULT]
bind_host = 127.0.0.1
bind_port = $GLANCE
workers = 1
enabled_backends = file:file
log_file = /mnt/log/glance-api.log
[glance_store]
default_backend = file
[file]
filesystem_store_datadir = /mnt/data/images
[paste_deploy]
flavor = keystone
config_file = $etc/glance.ini
$(common glance)
CONF
  cat >$etc/placement.conf <<CONF
[placement_database]
connection = $(database placement)
[api]
auth_strategy = keystone
$(common "")
CONF
  cat >$etc/nova.conf <<CONF
[DEFAULT]
host = lab
my_ip = 127.0.0.1
state_path = /mnt/data/nova
instances_path = /mnt/data/nova
transport_url = $queue
compute_driver = fake.FakeDriver
osapi_compute_listen = 127.0.0.1
osapi_compute_listen_port = $NOVA
osapi_compute_workers = 2
enabled_apis = osapi_compute
api_paste_config = $etc/nova.ini
vif_plugging_is_fatal = false
vif_plugging_timeout = 0
force_config_drive = false
sync_power_state_interval = -1
heal_instance_info_cache_interval = -1
max_concurrent_builds = 20
report_interval = 5
[api]
auth_strategy = keystone
[api_database]
connection = $(database nova_api)
[conductor]
workers = 1
[scheduler]
workers = 1
discover_hosts_in_cells_interval = -1
[vnc]
enabled = false
[spice]
enabled = false
[glance]
api_servers = http://127.0.0.1:$GLANCE
[cinder]
catalog_info = volumev3::publicURL
[neutron]
$(as_service)
[placement]
$(as_service)
[service_user]
send_service_user_token = false
$(common nova)
CONF
  cat >$etc/neutron.conf <<CONF
[DEFAULT]
bind_host = 127.0.0.1
bind_port = $NEUTRON
host = lab
state_path = /mnt/data/neutron
transport_url = $queue
core_plugin = ml2
service_plugins = router
api_workers = 2
rpc_workers = 0
rpc_state_report_workers = 0
api_paste_config = $etc/neutron.ini
dhcp_agent_notification = false
notify_nova_on_port_status_changes = false
notify_nova_on_port_data_changes = false
allow_automatic_l3agent_failover = false
pagination_max_limit = -1
$(common neutron)
CONF
  cat >$etc/ml2.ini <<CONF
[ml2]
type_drivers = flat,vlan,vxlan
tenant_network_types = vxlan
mechanism_drivers = lab
extension_drivers = port_security
[ml2_type_flat]
flat_networks = *
[ml2_type_vxlan]
vni_ranges = 1:10000
CONF
  # Whoever starts the plane may have written limits of their own.
  [ -e $etc/nova-quota.conf ] || : >$etc/nova-quota.conf
  [ -e $etc/neutron-quota.conf ] || : >$etc/neutron-quota.conf
  cat >$etc/keystone.wsgi <<CONF
from keystone.server.wsgi import initialize_public_application
application = initialize_public_application()
CONF
  cat >$etc/placement.wsgi <<CONF
from placement.wsgi import init_application
application = init_application()
CONF
  # Python finds the mechanism driver by its entry point.
  mkdir -p /mnt/python/labml2-1.0.dist-info
  cp "$here/labml2.py" /mnt/python/
  printf 'Metadata-Version: 2.1\nName: labml2\nVersion: 1.0\n' >/mnt/python/labml2-1.0.dist-info/METADATA
  printf '[neutron.ml2.mechanism_drivers]\nlab = labml2:LabDriver\n' >/mnt/python/labml2-1.0.dist-info/entry_points.txt
}
