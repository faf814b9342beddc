"""What refers to what in the local Azure: it must be there, and it stays while it is in use."""

from __future__ import annotations

from typing import Any

from tests.localcloud.azure_parts import WHERE, LocalAzure, disk, group, interface, machine, network, quick, refused


def test_what_is_referred_to_must_be_there(azure: LocalAzure) -> None:
    """An interface in a subnet that is not there, and a machine on such an interface, are refused; nothing is made."""
    quick(azure)
    group(azure)
    missing = network(azure).id + "/subnets/none"
    with refused("InvalidResourceReference", 400):
        interface(azure, missing)
    nic = missing.replace("virtualNetworks/net/subnets/none", "networkInterfaces/none")
    with refused("NotFound", 404):
        azure.compute.virtual_machines.begin_create_or_update("shop", "web", machine(nic))
    with refused("ResourceNotFound", 404):
        azure.compute.virtual_machines.get("shop", "web")


def test_what_is_in_use_stays(azure: LocalAzure) -> None:
    """A subnet, network, security group, public address, interface and disk are not removed while they are used."""
    quick(azure)
    group(azure)
    rules = azure.network.network_security_groups.begin_create_or_update("shop", "rules", {"location": WHERE}).result()
    public = azure.network.public_ip_addresses.begin_create_or_update("shop", "front", {"location": WHERE}).result()
    subnet = network(azure).subnets[0].id
    parts: dict[str, Any] = {"networkSecurityGroup": {"id": rules.id}}
    addressed = {"name": "one", "properties": {"subnet": {"id": subnet}, "publicIPAddress": {"id": public.id}}}
    nic = interface(azure, subnet, **parts, ipConfigurations=[addressed])
    data = [{"lun": 0, "createOption": "Attach", "managedDisk": {"id": disk(azure).id}}]
    body = machine(nic.id)
    body["properties"]["storageProfile"]["dataDisks"] = data
    azure.compute.virtual_machines.begin_create_or_update("shop", "web", body).result()
    with refused("InUseSubnetCannotBeDeleted", 400):
        azure.network.subnets.begin_delete("shop", "net", "s0")
    with refused("InUseSubnetCannotBeDeleted", 400):
        azure.network.virtual_networks.begin_delete("shop", "net")
    with refused("InUseNetworkSecurityGroupCannotBeDeleted", 400):
        azure.network.network_security_groups.begin_delete("shop", "rules")
    with refused("PublicIPAddressCannotBeDeleted", 400):
        azure.network.public_ip_addresses.begin_delete("shop", "front")
    with refused("NicInUse", 400):
        azure.network.network_interfaces.begin_delete("shop", "nic")
    with refused("OperationNotAllowed", 409):
        azure.compute.disks.begin_delete("shop", "disk")
    assert azure.network.public_ip_addresses.get("shop", "front").ip_configuration.id == nic.ip_configurations[0].id
    assert azure.network.network_security_groups.get("shop", "rules").network_interfaces[0].id == nic.id
    azure.compute.virtual_machines.begin_delete("shop", "web").result()
    azure.network.network_interfaces.begin_delete("shop", "nic").result()
    azure.network.public_ip_addresses.begin_delete("shop", "front").result()
    azure.network.network_security_groups.begin_delete("shop", "rules").result()
    azure.network.virtual_networks.begin_delete("shop", "net").result()


def test_addresses(azure: LocalAzure) -> None:
    """Interfaces in a subnet get its addresses in order, from the fourth on; a taken one is refused."""
    quick(azure)
    group(azure)
    subnet = network(azure).subnets[0].id
    given = [interface(azure, subnet, f"nic{n}").ip_configurations[0].private_ip_address for n in range(3)]
    assert given == ["10.0.0.4", "10.0.0.5", "10.0.0.6"]
    chosen = {"subnet": {"id": subnet}, "privateIPAllocationMethod": "Static", "privateIPAddress": "10.0.0.5"}
    with refused("PrivateIPAddressInUse", 400):
        interface(azure, subnet, "late", ipConfigurations=[{"name": "one", "properties": chosen}])
    assert interface(azure, subnet, "nic1").ip_configurations[0].private_ip_address == "10.0.0.5"


def test_subnets_do_not_overlap(azure: LocalAzure) -> None:
    """A subnet lies inside its network and beside its neighbours."""
    quick(azure)
    group(azure)
    network(azure)
    subnets = azure.network.subnets
    with refused("NetcfgSubnetRangesOverlap", 400):
        subnets.begin_create_or_update("shop", "net", "x", {"properties": {"addressPrefix": "10.0.0.0/25"}})
    with refused("NetcfgInvalidSubnet", 400):
        subnets.begin_create_or_update("shop", "net", "x", {"properties": {"addressPrefix": "10.1.0.0/24"}})
    assert [s.name for s in subnets.list("shop", "net")] == ["s0"]


def test_security_rules(azure: LocalAzure) -> None:
    """Rules stand inside their group and under ids of their own; two of one priority are refused."""
    quick(azure)
    group(azure)
    made = azure.network.network_security_groups.begin_create_or_update("shop", "rules", {"location": WHERE}).result()
    assert [r.name for r in made.default_security_rules][:2] == ["AllowVnetInBound", "AllowAzureLoadBalancerInBound"]
    rule = {
        "protocol": "Tcp",
        "sourcePortRange": "*",
        "destinationPortRange": "443",
        "sourceAddressPrefix": "*",
        "destinationAddressPrefix": "*",
        "access": "Allow",
        "priority": 100,
        "direction": "Inbound",
    }
    rules = azure.network.security_rules
    assert rules.begin_create_or_update("shop", "rules", "web", {"properties": rule}).result().priority == 100
    with refused("SecurityRuleConflict", 400):
        rules.begin_create_or_update("shop", "rules", "more", {"properties": rule})
    assert [r.name for r in azure.network.network_security_groups.get("shop", "rules").security_rules] == ["web"]
    rules.begin_delete("shop", "rules", "web").result()
    assert list(rules.list("shop", "rules")) == []


def test_a_balancer(azure: LocalAzure) -> None:
    """A balancer's parts refer to each other, an interface joins its pool, and the pool shows it."""
    quick(azure)
    group(azure)
    public = azure.network.public_ip_addresses.begin_create_or_update("shop", "front", {"location": WHERE}).result()
    subnet = network(azure).subnets[0].id
    own = f"{public.id.rpartition('/publicIPAddresses/')[0]}/loadBalancers/lb"
    rule = {
        "frontendIPConfiguration": {"id": f"{own}/frontendIPConfigurations/f"},
        "backendAddressPool": {"id": f"{own}/backendAddressPools/b"},
        "protocol": "Tcp",
        "frontendPort": 80,
        "backendPort": 80,
    }
    parts = {
        "frontendIPConfigurations": [{"name": "f", "properties": {"publicIPAddress": {"id": public.id}}}],
        "backendAddressPools": [{"name": "b"}],
        "loadBalancingRules": [{"name": "r", "properties": rule}],
    }
    balancers = azure.network.load_balancers
    with refused("InvalidResourceReference", 400):
        balancers.begin_create_or_update(
            "shop", "lb", {"location": WHERE, "properties": parts | {"backendAddressPools": []}}
        )
    made = balancers.begin_create_or_update("shop", "lb", {"location": WHERE, "properties": parts}).result()
    pool = {"subnet": {"id": subnet}, "loadBalancerBackendAddressPools": [{"id": made.backend_address_pools[0].id}]}
    nic = interface(azure, subnet, ipConfigurations=[{"name": "one", "properties": pool}])
    shown = balancers.get("shop", "lb").backend_address_pools[0].backend_ip_configurations
    assert [c.id for c in shown] == [nic.ip_configurations[0].id]


def test_a_group_that_others_need_stays(azure: LocalAzure) -> None:
    """A group is not removed while something outside it refers to something inside; it stands as before."""
    from azure.core.exceptions import HttpResponseError

    quick(azure)
    group(azure)
    subnet = network(azure).subnets[0].id
    group(azure, "other")
    body = {
        "location": WHERE,
        "properties": {"ipConfigurations": [{"name": "a", "properties": {"subnet": {"id": subnet}}}]},
    }
    azure.network.network_interfaces.begin_create_or_update("other", "nic", body).result()
    try:
        azure.resource.resource_groups.begin_delete("shop").result()
    except HttpResponseError as error:
        assert "ResourceGroupDeletionBlocked" in str(error)  # noqa: PT017  # the SDK has no model for what it polls
    assert azure.resource.resource_groups.get("shop").properties.provisioning_state == "Succeeded"
    azure.resource.resource_groups.begin_delete("other").result()
    azure.resource.resource_groups.begin_delete("shop").result()
    assert azure.control.world() == {}
