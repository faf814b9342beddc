"""Refuses requests that name what is not there, or tag what they do not make.

Moto: tags instances that do not exist, and takes the tags of any kind for the one being made. AWS: NotFound in each
kind's own words; InvalidParameterValue.
Sources: EC2 API reference "Error codes", "TagSpecification".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from localcloud.aws.models.calls import Call, Calls, Refusal

ID = re.compile(r"(vpc|subnet|igw|rtb|sg|i|vol)-[0-9a-f]+")
NOT_FOUND = {
    "vpc": ("InvalidVpcID.NotFound", "The vpc ID '{}' does not exist"),
    "subnet": ("InvalidSubnetID.NotFound", "The subnet ID '{}' does not exist"),
    "igw": ("InvalidInternetGatewayID.NotFound", "The internetGateway ID '{}' does not exist"),
    "rtb": ("InvalidRouteTableID.NotFound", "The routeTable ID '{}' does not exist"),
    "sg": ("InvalidGroup.NotFound", "The security group '{}' does not exist"),
    "i": ("InvalidInstanceID.NotFound", "The instance ID '{}' does not exist"),
    "vol": ("InvalidVolume.NotFound", "The volume '{}' does not exist."),
}
# What a create may tag. Those not listed are left to moto.
TAGGABLE = {
    "CreateVpc": {"vpc"},
    "CreateSubnet": {"subnet"},
    "CreateInternetGateway": {"internet-gateway"},
    "CreateRouteTable": {"route-table"},
    "CreateSecurityGroup": {"security-group"},
    "CreateVolume": {"volume"},
    "RunInstances": {"instance", "volume", "network-interface", "spot-instances-request"},
    "AuthorizeSecurityGroupIngress": {"security-group-rule"},
    "AuthorizeSecurityGroupEgress": {"security-group-rule"},
}
MOST_TAGS = 50
KEY, VALUE = 128, 256  # characters in a tag's key and value. Source: EC2 User Guide, "Tag restrictions"


def install(calls: Calls) -> None:
    """See the module."""
    calls.always.append(exists)
    calls.always.append(tags)


def _in_zones(backend: Any, wanted: str) -> Any:
    return next((zone[wanted] for zone in backend.subnets.values() if wanted in zone), None)


def _in_networks(backend: Any, wanted: str) -> Any:
    return next((groups[wanted] for groups in backend.groups.values() if wanted in groups), None)


FIND: dict[str, Callable[[Any, str], Any]] = {
    "vpc": lambda b, i: b.vpcs.get(i),
    "subnet": _in_zones,
    "igw": lambda b, i: b.internet_gateways.get(i),
    "rtb": lambda b, i: b.route_tables.get(i),
    "sg": _in_networks,
    "i": lambda b, i: b.get_instance_by_id(i),
    "vol": lambda b, i: b.volumes.get(i),
}


def named(call: Call) -> list[tuple[str, str]]:
    """Kind and id of everything of ours that a call names by a whole parameter."""
    parts = {
        k: v
        for k, v in call.params.items()
        if k not in {"Tags", "TagSpecifications", "ClientToken", "UserData", "Description"}
    }
    if isinstance(parts.get("GroupName"), str):
        del parts["GroupName"]
    return [(m[1], text) for text in dict.fromkeys(_texts(parts)) if (m := ID.fullmatch(text))]


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [t for item in value.values() for t in _texts(item)]
    if isinstance(value, list):
        return [t for item in value for t in _texts(item)]
    return []


def not_found(kind: str, wanted: str) -> Refusal:
    """NotFound in a kind's own words."""
    code, message = NOT_FOUND[kind]
    return Refusal(code, message.format(wanted))


def exists(call: Call) -> None:
    """Everything named is there. Tags may be taken off what is gone: as AWS has it."""
    if call.service != "ec2":
        return
    for kind, wanted in named(call):
        if FIND[kind](call.backend, wanted) is None and call.action != "DeleteTags":
            raise not_found(kind, wanted)


def tags(call: Call) -> None:
    """Tags for what is being made, and not of AWS's own."""
    if call.service != "ec2":
        return
    allowed, seen = TAGGABLE.get(call.action), set()
    for specification in call.params.get("TagSpecifications", []):
        kind = specification.get("ResourceType", "")
        if allowed is not None and kind not in allowed:
            raise Refusal(
                "InvalidParameterValue", f"'{kind}' is not a valid taggable resource type for this operation."
            )
        if kind in seen:
            raise Refusal(
                "InvalidParameterValue", f"The same resource type may not be specified more than once: {kind}"
            )
        seen.add(kind)
        _plain(specification.get("Tags", []))
    if call.action == "CreateTags":
        _plain(call.params.get("Tags", []))


def _plain(wanted: list[dict[str, Any]]) -> None:
    keys = [str(tag.get("Key", "")) for tag in wanted]
    if len(set(keys)) != len(keys):
        raise Refusal("InvalidParameterValue", "Duplicate tag keys are not allowed")
    if any(key.lower().startswith("aws:") for key in keys):
        raise Refusal("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
    if not all(keys):
        raise Refusal("InvalidParameterValue", "Tag key cannot be empty")
    if any(len(key) > KEY for key in keys):
        raise Refusal("InvalidParameterValue", f"Tag key exceeds the maximum length of {KEY} characters")
    if any(len(str(tag.get("Value", ""))) > VALUE for tag in wanted):
        raise Refusal("InvalidParameterValue", f"Tag value exceeds the maximum length of {VALUE} characters")
    if len(keys) > MOST_TAGS:
        raise Refusal("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
