"""Security groups of the local AWS: held by who uses them, and changed whole."""

from __future__ import annotations

from typing import Any

from tests.cloud import LocalAws
from tests.localcloud.aws_parts import AT_ONCE, launch, network, refused, standing, tags


def rule(port: int, peer: str = "10.0.0.0/8", description: str = "") -> dict[str, Any]:
    return {
        "IpProtocol": "tcp",
        "FromPort": port,
        "ToPort": port,
        "IpRanges": [{"CidrIp": peer, "Description": description}],
    }


def from_group(port: int, group: str, description: str = "") -> dict[str, Any]:
    return {
        "IpProtocol": "tcp",
        "FromPort": port,
        "ToPort": port,
        "UserIdGroupPairs": [{"GroupId": group, "Description": description}],
    }


def test_names(aws: LocalAws) -> None:
    """A name is had once in a VPC, and "default" is the VPC's own."""
    ec2, where = aws.client("ec2"), network(aws)
    for name, code in (("app", "InvalidGroup.Duplicate"), ("default", "InvalidParameterValue")):
        with refused(code):
            ec2.create_security_group(GroupName=name, Description="x", VpcId=where.vpc)
    assert network(aws, 1).group != where.group


def test_in_use(aws: LocalAws) -> None:
    """A group stays while an instance has it, or another group's rule names it; its own rules do not hold it."""
    aws.control.settings(**AT_ONCE)
    ec2, where = aws.client("ec2"), network(aws)
    other = ec2.create_security_group(GroupName="b", Description="b", VpcId=where.vpc)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=where.group, IpPermissions=[from_group(80, where.group)])
    ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=[from_group(80, where.group)])
    one = launch(aws, where)["InstanceId"]
    with refused("DependencyViolation"):
        ec2.delete_security_group(GroupId=where.group)
    ec2.terminate_instances(InstanceIds=[one])
    with refused("DependencyViolation"):
        ec2.delete_security_group(GroupId=where.group)
    ec2.revoke_security_group_ingress(GroupId=other, IpPermissions=[from_group(80, where.group)])
    ec2.delete_security_group(GroupId=where.group)
    with refused("InvalidGroup.NotFound"):
        ec2.delete_security_group(GroupId=where.group)


def test_the_default_group(aws: LocalAws) -> None:
    """A VPC's own group cannot be deleted."""
    ec2, where = aws.client("ec2"), network(aws)
    filters = [{"Name": "vpc-id", "Values": [where.vpc]}, {"Name": "group-name", "Values": ["default"]}]
    default = ec2.describe_security_groups(Filters=filters)["SecurityGroups"][0]["GroupId"]
    with refused("CannotDelete"):
        ec2.delete_security_group(GroupId=default)


def test_a_change_is_whole(aws: LocalAws) -> None:
    """A call with one rule that is there already adds none of its others; the same for one that takes rules away."""
    ec2, where = aws.client("ec2"), network(aws)
    ec2.authorize_security_group_ingress(GroupId=where.group, IpPermissions=[rule(80)])
    before = standing(aws, "security_group")
    with refused("InvalidPermission.Duplicate"):
        ec2.authorize_security_group_ingress(
            GroupId=where.group, IpPermissions=[rule(443), rule(80, description="again")]
        )
    with refused("InvalidPermission.NotFound"):
        ec2.revoke_security_group_ingress(GroupId=where.group, IpPermissions=[rule(80), rule(443)])
    with refused("InvalidGroup.NotFound"):
        ec2.authorize_security_group_ingress(
            GroupId=where.group, IpPermissions=[rule(8080), from_group(1, "sg-00000000")]
        )
    assert standing(aws, "security_group") == before


def test_a_groups_rule_is_had_once(aws: LocalAws) -> None:
    """A rule that names a group is the same rule with another description."""
    ec2, where = aws.client("ec2"), network(aws)
    ec2.authorize_security_group_ingress(GroupId=where.group, IpPermissions=[from_group(80, where.group, "a")])
    with refused("InvalidPermission.Duplicate"):
        ec2.authorize_security_group_ingress(GroupId=where.group, IpPermissions=[from_group(80, where.group, "b")])


def test_the_answer_has_all_rules(aws: LocalAws) -> None:
    """Adding several permissions answers with the rules of all of them, tagged."""
    ec2, where = aws.client("ec2"), network(aws)
    made = ec2.authorize_security_group_ingress(
        GroupId=where.group,
        IpPermissions=[rule(80), rule(443)],
        TagSpecifications=tags("security-group-rule", a="b"),
    )["SecurityGroupRules"]
    assert sorted(r["FromPort"] for r in made) == [80, 443]
    ids = [r["SecurityGroupRuleId"] for r in made]
    found = ec2.describe_security_group_rules(SecurityGroupRuleIds=ids)["SecurityGroupRules"]
    assert all(r["Tags"] == [{"Key": "a", "Value": "b"}] for r in found)
    ec2.revoke_security_group_ingress(GroupId=where.group, SecurityGroupRuleIds=ids)
    assert ec2.describe_security_groups(GroupIds=[where.group])["SecurityGroups"][0]["IpPermissions"] == []


def test_ports(aws: LocalAws) -> None:
    """TCP and UDP need ports, in order and in range."""
    ec2, where = aws.client("ec2"), network(aws)
    for wrong in ({"FromPort": None}, {"FromPort": 90}, {"ToPort": 70_000}):
        permission = {k: v for k, v in {**rule(80), **wrong}.items() if v is not None}
        with refused("InvalidParameterValue"):
            ec2.authorize_security_group_ingress(GroupId=where.group, IpPermissions=[permission])


def test_rules_over_ipv6_are_taken_away(aws: LocalAws) -> None:
    """What may go out over IPv6 is taken away when asked, also in a network without any, and refused when absent."""
    ec2, where = aws.client("ec2"), network(aws)
    six = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    before = standing(aws, "security_group")
    ec2.authorize_security_group_egress(GroupId=where.group, IpPermissions=[six])
    ec2.revoke_security_group_egress(GroupId=where.group, IpPermissions=[six])
    assert standing(aws, "security_group") == before
    with refused("InvalidPermission.NotFound"):
        ec2.revoke_security_group_egress(GroupId=where.group, IpPermissions=[six])


def test_a_description_is_taken_away(aws: LocalAws) -> None:
    """A rule that is described without a description has none any more, whomever it is about."""
    ec2, where = aws.client("ec2"), network(aws)
    ec2.authorize_security_group_ingress(
        GroupId=where.group, IpPermissions=[rule(80, description="a"), from_group(80, where.group, "a")]
    )
    plain = {"FromPort": 80, "ToPort": 80, "IpProtocol": "tcp"}
    ec2.update_security_group_rule_descriptions_ingress(
        GroupId=where.group,
        IpPermissions=[rule(80), {**plain, "UserIdGroupPairs": [{"GroupId": where.group}]}],
    )
    assert [r["description"] for r in standing(aws, "security_group")[where.group]["ingress"]] == ["", ""]


def test_protocols_without_ports(aws: LocalAws) -> None:
    """A protocol that has no ports is taken without, and the one of number 58 is called icmpv6."""
    ec2, where = aws.client("ec2"), network(aws)
    asked = [{"IpProtocol": p, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]} for p in ("50", "58")]
    ec2.authorize_security_group_ingress(GroupId=where.group, IpPermissions=asked)
    shown = ec2.describe_security_groups(GroupIds=[where.group])["SecurityGroups"][0]["IpPermissions"]
    assert {p["IpProtocol"]: p.get("FromPort") for p in shown} == {"50": None, "icmpv6": -1}
