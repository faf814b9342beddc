"""Keeps security groups as EC2 keeps them: held by who uses them, their rules changed all or not at all.

Moto: deletes a group that is used or referred to; adds rules one by one, so that a refused call has done half; takes a
rule twice when only its description differs; answers with the last permission's rules only; forgets to take away what
goes out over IPv6, and a description; breaks on a protocol without ports. AWS: DependencyViolation,
InvalidPermission.Duplicate; a call is one change.
Sources: EC2 API reference "DeleteSecurityGroup", "AuthorizeSecurityGroupIngress", "CreateSecurityGroup", "Error codes".
"""

from __future__ import annotations

from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult

from localcloud.aws.models.calls import Call, Calls, Refusal, replaced
from localcloud.aws.models.networks import depends, enis

PORTED = {"tcp", "udp", "icmp", "icmpv6"}


def install(calls: Calls) -> None:
    """See the module."""
    calls.before("ec2", "CreateSecurityGroup", valid)
    calls.before("ec2", "DeleteSecurityGroup", group_is_free)
    calls.after("ec2", "DeleteSecurityGroup", forget)
    for action in ("AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress"):
        calls.before("ec2", action, valid_rules)
        calls.instead("ec2", action, authorize)
    for action in ("RevokeSecurityGroupIngress", "RevokeSecurityGroupEgress", "ModifySecurityGroupRules"):
        calls.instead("ec2", action, whole)
    _patch()


def valid(call: Call) -> None:
    """A name that can be had. Source: CreateSecurityGroup, GroupName."""
    name = call.params.get("GroupName", "")
    if name == "default" or name.startswith("sg-"):
        raise Refusal("InvalidParameterValue", f"Cannot use reserved security group name: {name}")
    if not name or not call.params.get("Description"):
        raise Refusal("MissingParameter", "The request must contain the parameters GroupName and GroupDescription")


def _group(call: Call) -> Any:
    asked = call.params.get("GroupId") or call.params.get("GroupName", "")
    group = call.backend.get_security_group_by_name_or_id(asked)
    if group is None:
        raise Refusal("InvalidGroup.NotFound", f"The security group '{asked}' does not exist")
    return group


def group_is_free(call: Call) -> None:
    """Nobody uses it, no other group refers to it, and it is not its network's own."""
    group, backend = _group(call), call.backend
    if group.is_default:
        raise Refusal("CannotDelete", f'the specified group: "{group.id}" name: "default" cannot be deleted by a user')
    used = any(group in e._group_set or (e.instance and group in e.instance.security_groups) for e in enis(backend))  # noqa: SLF001  # moto's only place for it
    named = any(
        rule.source_group.get("GroupId") == group.id
        for groups in backend.groups.values()
        for other in groups.values()
        if other is not group
        for rule in (*other.ingress_rules, *other.egress_rules)
    )
    if used or named:
        raise depends(f"resource {group.id} has a dependent object")


def forget(call: Call, _: Any) -> None:
    """Its tags go with it."""
    call.backend.tags.pop(call.params.get("GroupId", ""), None)


def valid_rules(call: Call) -> None:
    """Ports where the protocol has some. Source: EC2 API reference "IpPermission"."""
    for permission in call.params.get("IpPermissions", []):
        protocol = permission.get("IpProtocol")
        if protocol is None:
            raise Refusal("MissingParameter", "The request must contain the parameter IpProtocol")
        if protocol in {"tcp", "udp", "icmp", "6", "17", "1"}:
            if permission.get("FromPort") is None or permission.get("ToPort") is None:
                message = "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange."
                raise Refusal("InvalidParameterValue", message)
            if protocol not in {"icmp", "1"} and not 0 <= permission["FromPort"] <= permission["ToPort"] <= 65_535:  # noqa: PLR2004  # ports
                raise Refusal("InvalidParameterValue", "Invalid port range")
        if not any(permission.get(n) for n in ("IpRanges", "Ipv6Ranges", "UserIdGroupPairs", "PrefixListIds")):
            raise Refusal("InvalidParameterValue", "The permission names nobody it is for")


def authorize(call: Call, proceed: Any) -> ActionResult:
    """Add all rules or none, and answer with all."""
    group = _group(call)
    before = {rule.id for rule in (*group.ingress_rules, *group.egress_rules)}
    whole(call, proceed)
    rules = [rule for rule in (*group.ingress_rules, *group.egress_rules) if rule.id not in before]
    return ActionResult({"Return": True, "SecurityGroupRules": rules})


def whole(call: Call, proceed: Any) -> Any:
    """Leave the rules as they were when the call is refused."""
    group = _group(call)
    ingress, egress = list(group.ingress_rules), list(group.egress_rules)
    try:
        return proceed()
    except ServiceException:
        group.ingress_rules, group.egress_rules = ingress, egress
        raise


def _patch() -> None:
    from moto.ec2.exceptions import InvalidPermissionNotFoundError
    from moto.ec2.models.security_groups import SecurityGroupBackend, SecurityGroupRule

    def same(one: Any, other: Any) -> bool:
        """Alike but for description and tags. Moto compares the description of a group's rule too."""
        if not isinstance(other, SecurityGroupRule):
            return False
        return _key(one) == _key(other)

    def begin(
        rule: Any, backend: Any, protocol: str, group: str, first: Any, last: Any, *rest: Any, **more: Any
    ) -> None:
        """Moto: every protocol but -1 has ports. AWS: only TCP, UDP and both ICMP; what is not said of ICMP is -1."""
        named = "icmpv6" if protocol == "58" else protocol
        make(rule, backend, named, group, -1 if first is None else first, -1 if last is None else last, *rest, **more)
        if rule.ip_protocol not in PORTED:
            rule.from_port = rule.to_port = None

    def revoke(backend: Any, **asked: Any) -> None:
        """Moto: in a network without IPv6 nothing is taken away for a block of IPv6."""
        if asked.get("security_rule_ids"):
            revoke_by_id(backend, **asked)
            return
        group = backend.get_security_group_by_name_or_id(asked["group_name_or_id"])
        peers = backend._add_source_group(asked["source_groups"], None)  # noqa: SLF001  # as moto's own does
        going = list(
            backend._iterate_security_rules(  # noqa: SLF001  # as above
                asked["ip_protocol"],
                group.group_id,
                asked["from_port"],
                asked["to_port"],
                asked["ip_ranges"],
                peers,
                asked["prefix_list_ids"] or [],
            )
        )
        if any(rule not in group.egress_rules for rule in going):
            raise InvalidPermissionNotFoundError
        group.egress_rules = [rule for rule in group.egress_rules if rule not in going]

    def describe(_: Any, said: Any, rule: Any) -> None:
        """Moto: a rule keeps its description where none is said. AWS: it loses it."""
        for new, old in ((said.ip_range, rule.ip_range), (said.source_group, rule.source_group)):
            old.pop("Description", None)
            if new.get("Description"):
                old["Description"] = new["Description"]

    replaced(SecurityGroupRule, "__eq__", same)
    make = replaced(SecurityGroupRule, "__init__", begin)
    revoke_by_id = replaced(SecurityGroupBackend, "revoke_security_group_egress", revoke)
    replaced(SecurityGroupBackend, "_sg_update_description", describe)


def _key(rule: Any) -> tuple[Any, ...]:
    ports = () if rule.ip_protocol == "-1" else (rule.from_port, rule.to_port)
    return (
        rule.ip_protocol,
        rule.ip_range.get("CidrIp"),
        rule.ip_range.get("CidrIpv6"),
        rule.source_group.get("GroupId"),
        rule.prefix_list_id,
        ports,
    )
