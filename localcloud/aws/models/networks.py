"""Keeps VPCs, subnets and internet gateways as EC2 keeps them: what is in use cannot be deleted.

Settings: `vpc_pending_seconds`, `subnet_pending_seconds`.

Moto: deletes a VPC with its gateway attached and groups in it, and a subnet in use; makes the first subnet of a zone a
public one; takes zones of other regions; attaches two gateways to one VPC. AWS: DependencyViolation; a new subnet is
private; InvalidParameterValue.
Sources: EC2 API reference "DeleteVpc", "DeleteSubnet", "CreateSubnet", "AttachInternetGateway",
"DetachInternetGateway", "ModifyVpcAttribute", "Error codes".
"""

from __future__ import annotations

import ipaddress
from typing import Any

from moto.core.responses import ActionResult

from localcloud.aws.models.calls import Call, Calls, Refusal, replaced
from localcloud.aws.models.times import happening, later
from localcloud.core.cloud import Cloud

VPC_ATTRIBUTES = {"EnableDnsSupport", "EnableDnsHostnames", "EnableNetworkAddressUsageMetrics"}
SUBNET_ATTRIBUTES = {
    "MapPublicIpOnLaunch",
    "AssignIpv6AddressOnCreation",
    "EnableResourceNameDnsARecordOnLaunch",
    "EnableResourceNameDnsAAAARecordOnLaunch",
    "PrivateDnsHostnameTypeOnLaunch",
    "EnableDns64",
    "MapCustomerOwnedIpOnLaunch",
    "EnableLniAtDeviceIndex",
}
SUBNET_ATTRIBUTES_THERE = {"MapPublicIpOnLaunch", "AssignIpv6AddressOnCreation", "EnableResourceNameDnsARecordOnLaunch"}


def install(calls: Calls) -> None:
    """See the module."""
    calls.cloud.declare("vpc_pending_seconds", 0.0, "from create to available")
    calls.cloud.declare("subnet_pending_seconds", 0.0, "from create to available")
    calls.before("ec2", "CreateVpc", canonical_block)
    calls.after("ec2", "CreateVpc", made("Vpc", "vpc_pending_seconds"))
    calls.before("ec2", "DeleteVpc", vpc_is_empty)
    calls.after("ec2", "DeleteVpc", forget_vpc)
    calls.before("ec2", "ModifyVpcAttribute", one_of(VPC_ATTRIBUTES, VPC_ATTRIBUTES))
    calls.before("ec2", "ModifyVpcAttribute", may_have_names)
    calls.before("ec2", "CreateSubnet", valid_subnet)
    calls.after("ec2", "CreateSubnet", made("Subnet", "subnet_pending_seconds"))
    calls.before("ec2", "DeleteSubnet", subnet_is_empty)
    calls.after("ec2", "DeleteSubnet", forget_subnet)
    calls.before("ec2", "ModifySubnetAttribute", one_of(SUBNET_ATTRIBUTES, SUBNET_ATTRIBUTES_THERE))
    calls.before("ec2", "AttachInternetGateway", may_attach)
    calls.before("ec2", "DetachInternetGateway", may_detach)
    calls.after("ec2", "DeleteInternetGateway", forget_gateway)
    _patch()


def depends(message: str) -> Refusal:
    """What is in use stays."""
    return Refusal("DependencyViolation", message)


def made(kind: str, setting: str) -> Any:
    """Begin as pending."""

    def begin(call: Call, result: ActionResult) -> None:
        thing: Any = result.result
        thing[kind].state = "pending"
        later(call.cloud, setting, "network.made", thing[kind])

    return begin


@happening("network.made")
def _made(_: Cloud, thing: Any) -> None:
    thing.state = "available"


def canonical_block(call: Call) -> None:
    """AWS forgets a block's host bits; moto keeps them."""
    block = call.params.get("CidrBlock")
    if not block:
        raise Refusal("MissingParameter", "The request must contain the parameter cidrBlock")
    try:
        call.set("CidrBlock", str(ipaddress.IPv4Network(block, strict=False)))
    except ValueError:
        message = f"Value ({block}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
        raise Refusal("InvalidParameterValue", message) from None


def one_of(known: set[str], there: set[str]) -> Any:
    """One attribute a call, and one that moto has. Moto sets the first and says nothing of the others."""

    def check(call: Call) -> None:
        named = known & set(call.params)
        if len(named) != 1:
            raise Refusal("InvalidParameterCombination", "Fields for multiple attribute types specified")
        if not named <= there:
            raise Refusal("UnsupportedOperation", f"The local cloud has no {min(named)}.")

    return check


def may_have_names(call: Call) -> None:
    """Names in DNS only where it is there. Moto: anywhere."""
    on = call.params.get("EnableDnsHostnames", {}).get("Value")
    if on and not call.backend.get_vpc(call.params["VpcId"]).enable_dns_support:
        raise Refusal("InvalidParameterValue", "DNS hostnames can be enabled only where DNS support is.")


def enis(backend: Any) -> list[Any]:
    """Every network interface."""
    return list(backend.enis.values())


def vpc_is_empty(call: Call) -> None:
    """Nothing in it but what was made with it."""
    backend, vpc = call.backend, call.params["VpcId"]
    if (
        any(s.vpc_id == vpc for zone in backend.subnets.values() for s in zone.values())
        or any(g.vpc and g.vpc.id == vpc for g in backend.internet_gateways.values())
        or any(not g.is_default for g in backend.groups.get(vpc, {}).values())
        or any(t.vpc_id == vpc and t.main_association_id is None for t in backend.route_tables.values())
        or any(e.vpc_id == vpc for e in backend.vpc_end_points.values())
    ):
        raise depends(f"The vpc '{vpc}' has dependencies and cannot be deleted.")


def forget_vpc(call: Call, _: Any) -> None:
    """Its access list and its tags go with it. Moto keeps them."""
    backend, vpc = call.backend, call.params["VpcId"]
    for acl in [a for a in backend.network_acls.values() if a.vpc_id == vpc]:
        del backend.network_acls[acl.id]
    backend.groups.pop(vpc, None)
    backend.tags.pop(vpc, None)


def valid_subnet(call: Call) -> None:
    """A block of a size that a subnet can have, in a zone of this region."""
    canonical_block(call)
    block = ipaddress.IPv4Network(call.params["CidrBlock"])
    if not 16 <= block.prefixlen <= 28:  # noqa: PLR2004  # VPC User Guide "Subnet CIDR blocks"
        raise Refusal("InvalidSubnet.Range", f"The CIDR '{block}' is invalid.")
    zone = call.params.get("AvailabilityZone")
    if zone and call.backend.get_zone_by_name(zone) is None:
        here = ", ".join(z.name for z in call.backend.describe_availability_zones())
        message = f"Value ({zone}) for parameter availabilityZone is invalid. Subnets can be created in: {here}."
        raise Refusal("InvalidParameterValue", message)


def subnet_is_empty(call: Call) -> None:
    """No interface in it. Moto: deletes it under its instances."""
    subnet = call.params["SubnetId"]
    if any(e.subnet.id == subnet for e in enis(call.backend)):
        raise depends(f"The subnet '{subnet}' has dependencies and cannot be deleted.")


def forget_subnet(call: Call, _: Any) -> None:
    """Its associations and tags go with it. Moto keeps them."""
    backend, subnet = call.backend, call.params["SubnetId"]
    for table in backend.route_tables.values():
        for association in [a for a, target in table._associations.items() if target == subnet]:  # noqa: SLF001  # moto's only place for it
            del table._associations[association]  # noqa: SLF001  # as above
    for acl in backend.network_acls.values():
        for association in [a for a, one in acl._associations.items() if one.subnet_id == subnet]:  # noqa: SLF001  # as above
            del acl._associations[association]  # noqa: SLF001  # as above
    backend.tags.pop(subnet, None)


def may_attach(call: Call) -> None:
    """One gateway to a VPC, one VPC to a gateway."""
    backend, vpc, gateway = call.backend, call.params["VpcId"], call.params["InternetGatewayId"]
    if backend.internet_gateways[gateway].vpc:
        message = f"resource {gateway} is already attached to network {backend.internet_gateways[gateway].vpc.id}"
        raise Refusal("Resource.AlreadyAssociated", message)
    if any(g.vpc and g.vpc.id == vpc for g in backend.internet_gateways.values()):
        raise Refusal("InvalidParameterValue", f"Network {vpc} already has an internet gateway attached")


def may_detach(call: Call) -> None:
    """Not while something in the VPC has a public address."""
    vpc = call.params["VpcId"]
    if any(e.public_ip and e.vpc_id == vpc for e in enis(call.backend)):
        message = f"Network {vpc} has some mapped public address(es)."
        raise depends(f"{message} Please unmap those public address(es) before detaching the gateway.")


def forget_gateway(call: Call, _: Any) -> None:
    """Its tags go with it."""
    call.backend.tags.pop(call.params["InternetGatewayId"], None)


def _patch() -> None:
    from moto.ec2.models.subnets import SubnetBackend

    def create_subnet(backend: Any, vpc_id: str, *args: Any, **kwargs: Any) -> Any:
        """Moto: the first subnet of a zone is its default, and public. AWS: only those of the default VPC are."""
        subnet = create(backend, vpc_id, *args, **kwargs)
        if not backend.get_vpc(vpc_id).is_default:
            subnet.default_for_az = subnet.map_public_ip_on_launch = False
        return subnet

    create = replaced(SubnetBackend, "create_subnet", create_subnet)
