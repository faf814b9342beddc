"""Networks of the local AWS: what is in use stays, and what does not fit is refused."""

from __future__ import annotations

from tests.cloud import REGION, LocalAws
from tests.localcloud.aws_parts import AT_ONCE, launch, network, refused, standing, tags


def test_a_vpc_in_use(aws: LocalAws) -> None:
    """A VPC goes only when its subnets, gateway, groups and tables are gone; its own go with it."""
    ec2 = aws.client("ec2")
    before = aws.control.world()
    where = network(aws)
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=where.vpc)
    table = ec2.create_route_table(VpcId=where.vpc)["RouteTable"]["RouteTableId"]
    for take_away, named in (
        (ec2.delete_subnet, {"SubnetId": where.subnet}),
        (ec2.detach_internet_gateway, {"InternetGatewayId": gateway, "VpcId": where.vpc}),
        (ec2.delete_security_group, {"GroupId": where.group}),
        (ec2.delete_route_table, {"RouteTableId": table}),
    ):
        with refused("DependencyViolation"):
            ec2.delete_vpc(VpcId=where.vpc)
        take_away(**named)
    ec2.delete_vpc(VpcId=where.vpc)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    assert aws.control.world() == before
    with refused("InvalidVpcID.NotFound"):
        ec2.delete_vpc(VpcId=where.vpc)


def test_a_subnet_in_use(aws: LocalAws) -> None:
    """A subnet stays while an instance is in it, also one that is ending."""
    aws.control.settings(**{**AT_ONCE, "instance_shutting_down_seconds": 100})
    ec2, where = aws.client("ec2"), network(aws)
    one = launch(aws, where)["InstanceId"]
    for _ in range(2):
        with refused("DependencyViolation"):
            ec2.delete_subnet(SubnetId=where.subnet)
        ec2.terminate_instances(InstanceIds=[one])
    aws.control.step(101)
    ec2.delete_subnet(SubnetId=where.subnet)


def test_blocks_of_subnets(aws: LocalAws) -> None:
    """A subnet lies in its VPC, overlaps no other, is of a size, and in a zone of its region."""
    ec2, where = aws.client("ec2"), network(aws)
    for block, code in (
        ("10.1.0.0/24", "InvalidSubnet.Range"),
        ("10.0.1.128/25", "InvalidSubnet.Conflict"),
        ("10.0.9.0/29", "InvalidSubnet.Range"),
        ("10.0.9.0/240", "InvalidParameterValue"),
    ):
        with refused(code):
            ec2.create_subnet(VpcId=where.vpc, CidrBlock=block)
    with refused("InvalidParameterValue"):
        ec2.create_subnet(VpcId=where.vpc, CidrBlock="10.0.2.0/24", AvailabilityZone="us-east-1a")
    with refused("InvalidVpcID.NotFound"):
        ec2.create_subnet(VpcId="vpc-00000000", CidrBlock="10.0.2.0/24")
    made = ec2.create_subnet(VpcId=where.vpc, CidrBlock="10.0.2.7/24", AvailabilityZone=f"{REGION}b")["Subnet"]
    assert made["CidrBlock"] == "10.0.2.0/24"


def test_a_new_subnet_is_private(aws: LocalAws) -> None:
    """No subnet hands out public addresses before it is told to."""
    ec2, where = aws.client("ec2"), network(aws)
    found = ec2.describe_subnets(SubnetIds=[where.subnet])["Subnets"][0]
    assert (found["MapPublicIpOnLaunch"], found["DefaultForAz"]) == (False, False)
    ec2.modify_subnet_attribute(SubnetId=where.subnet, MapPublicIpOnLaunch={"Value": True})
    assert ec2.describe_subnets(SubnetIds=[where.subnet])["Subnets"][0]["MapPublicIpOnLaunch"]


def test_pending(aws: LocalAws) -> None:
    """A VPC and a subnet can take their time to be available."""
    aws.control.settings(vpc_pending_seconds=100, subnet_pending_seconds=100)
    ec2, where = aws.client("ec2"), network(aws)

    def states() -> list[str]:
        vpc, subnet = ec2.describe_vpcs(VpcIds=[where.vpc]), ec2.describe_subnets(SubnetIds=[where.subnet])
        return [vpc["Vpcs"][0]["State"], subnet["Subnets"][0]["State"]]

    assert states() == ["pending", "pending"]
    aws.control.step(101)
    assert states() == ["available", "available"]


def test_attributes_of_a_vpc(aws: LocalAws) -> None:
    """A VPC's attributes change one a call."""
    ec2, where = aws.client("ec2"), network(aws)
    with refused("InvalidParameterCombination"):
        ec2.modify_vpc_attribute(VpcId=where.vpc, EnableDnsSupport={"Value": True}, EnableDnsHostnames={"Value": True})
    ec2.modify_vpc_attribute(VpcId=where.vpc, EnableDnsHostnames={"Value": True})
    assert ec2.describe_vpc_attribute(VpcId=where.vpc, Attribute="enableDnsHostnames")["EnableDnsHostnames"]["Value"]


def test_gateways(aws: LocalAws) -> None:
    """One gateway to a VPC, one VPC to a gateway; it stays while attached, and attached while an address is mapped."""
    aws.control.settings(**AT_ONCE)
    ec2, here, there = aws.client("ec2"), network(aws, 0), network(aws, 1)
    one, other = (ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"] for _ in range(2))
    ec2.attach_internet_gateway(InternetGatewayId=one, VpcId=here.vpc)
    with refused("Resource.AlreadyAssociated"):
        ec2.attach_internet_gateway(InternetGatewayId=one, VpcId=there.vpc)
    with refused("InvalidParameterValue"):
        ec2.attach_internet_gateway(InternetGatewayId=other, VpcId=here.vpc)
    with refused("DependencyViolation"):
        ec2.delete_internet_gateway(InternetGatewayId=one)
    with refused("Gateway.NotAttached"):
        ec2.detach_internet_gateway(InternetGatewayId=one, VpcId=there.vpc)
    nic = {"DeviceIndex": 0, "SubnetId": here.subnet, "AssociatePublicIpAddress": True, "Groups": [here.group]}
    public = launch(aws, here, SubnetId=None, SecurityGroupIds=None, NetworkInterfaces=[nic])["InstanceId"]
    with refused("DependencyViolation"):
        ec2.detach_internet_gateway(InternetGatewayId=one, VpcId=here.vpc)
    ec2.terminate_instances(InstanceIds=[public])
    ec2.detach_internet_gateway(InternetGatewayId=one, VpcId=here.vpc)
    ec2.delete_internet_gateway(InternetGatewayId=one)
    with refused("InvalidInternetGatewayID.NotFound"):
        ec2.delete_internet_gateway(InternetGatewayId=one)


def test_routes(aws: LocalAws) -> None:
    """A route leads to a gateway of its own network, is had once, and is a black hole when the gateway is detached."""
    ec2, where = aws.client("ec2"), network(aws)
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    table = ec2.create_route_table(VpcId=where.vpc)["RouteTable"]["RouteTableId"]
    route = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway}
    with refused("InvalidParameterValue"):
        ec2.create_route(**route)
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=where.vpc)
    ec2.create_route(**route)
    with refused("RouteAlreadyExists"):
        ec2.create_route(**route)
    with refused("InvalidParameterValue"):
        ec2.delete_route(RouteTableId=table, DestinationCidrBlock="10.0.0.0/16")
    assert standing(aws, "route_table")[table]["routes"]["0.0.0.0/0"] == {"state": "active", "target": gateway}
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=where.vpc)
    assert standing(aws, "route_table")[table]["routes"]["0.0.0.0/0"]["state"] == "blackhole"
    ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    with refused("InvalidRoute.NotFound"):
        ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")


def test_associations(aws: LocalAws) -> None:
    """A subnet has one table, of its own network; a table stays while it has a subnet, or is the main one."""
    ec2, where, there = aws.client("ec2"), network(aws), network(aws, 1)
    one, other = (ec2.create_route_table(VpcId=where.vpc)["RouteTable"]["RouteTableId"] for _ in range(2))
    with refused("InvalidParameterValue"):
        ec2.associate_route_table(RouteTableId=one, SubnetId=there.subnet)
    first, again = (
        ec2.associate_route_table(RouteTableId=one, SubnetId=where.subnet)["AssociationId"] for _ in range(2)
    )
    assert first == again
    with refused("Resource.AlreadyAssociated"):
        ec2.associate_route_table(RouteTableId=other, SubnetId=where.subnet)
    with refused("DependencyViolation"):
        ec2.delete_route_table(RouteTableId=one)
    moved = ec2.replace_route_table_association(AssociationId=first, RouteTableId=other)["NewAssociationId"]
    ec2.delete_route_table(RouteTableId=one)
    ec2.disassociate_route_table(AssociationId=moved)
    ec2.delete_route_table(RouteTableId=other)
    filters = [{"Name": "vpc-id", "Values": [where.vpc]}, {"Name": "association.main", "Values": ["true"]}]
    main = ec2.describe_route_tables(Filters=filters)["RouteTables"][0]
    with refused("DependencyViolation"):
        ec2.delete_route_table(RouteTableId=main["RouteTableId"])
    with refused("InvalidParameterValue"):
        ec2.disassociate_route_table(AssociationId=main["Associations"][0]["RouteTableAssociationId"])


def test_a_subnet_takes_its_association_along(aws: LocalAws) -> None:
    """A deleted subnet leaves no association behind."""
    ec2, where = aws.client("ec2"), network(aws)
    table = ec2.create_route_table(VpcId=where.vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=where.subnet)
    ec2.delete_subnet(SubnetId=where.subnet)
    ec2.delete_route_table(RouteTableId=table)


def test_dry_runs(aws: LocalAws) -> None:
    """A dry run of any change says that it would have succeeded, and changes nothing."""
    ec2 = aws.client("ec2")
    before = aws.control.world()
    with refused("DryRunOperation", 412):
        ec2.create_vpc(CidrBlock="10.0.0.0/16", DryRun=True)
    assert aws.control.world() == before


def test_tags_of_what_is_not_there(aws: LocalAws) -> None:
    """Nothing that does not exist is tagged, and a create is tagged as what it is."""
    ec2 = aws.client("ec2")
    with refused("InvalidInstanceID.NotFound"):
        ec2.create_tags(Resources=["i-00000000000000000"], Tags=[{"Key": "a", "Value": "b"}])
    with refused("InvalidParameterValue"):
        ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tags("subnet", a="b"))
    with refused("InvalidParameterValue"):
        ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tags("vpc", **{"aws:a": "b"}))
    assert standing(aws, "vpc") == {}


def test_pages(aws: LocalAws) -> None:
    """Lists come page by page when that is asked for, whole otherwise, and never together with ids."""
    ec2 = aws.client("ec2")
    made = {ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"] for _ in range(12)}
    first = ec2.describe_internet_gateways(MaxResults=5)
    assert len(first["InternetGateways"]) == 5
    pages = ec2.get_paginator("describe_internet_gateways").paginate(PaginationConfig={"PageSize": 5})
    assert {g["InternetGatewayId"] for page in pages for g in page["InternetGateways"]} == made
    assert len(ec2.describe_internet_gateways()["InternetGateways"]) == 12
    with refused("InvalidParameterCombination"):
        ec2.describe_internet_gateways(InternetGatewayIds=sorted(made), MaxResults=5)
    aws.control.settings(page_at_most=10)
    assert len(ec2.describe_internet_gateways()["InternetGateways"]) == 10
