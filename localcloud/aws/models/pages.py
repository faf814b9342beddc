"""Gives out long lists page by page.

Setting: `page_at_most`, how many things a page of EC2's has at most.

Moto: pages instances only, and by hundreds of reservations. AWS: `MaxResults` from 5 to 1000, not together with ids;
a list may be cut into pages unasked.
Source: EC2 API reference "Pagination", "DescribeInstances".
"""

from __future__ import annotations

import base64
from typing import Any

from moto.core.responses import ActionResult

from localcloud.aws.models.calls import Call, Calls, Refusal

LISTS = {
    "DescribeVpcs": ("Vpcs", "VpcIds"),
    "DescribeSubnets": ("Subnets", "SubnetIds"),
    "DescribeInternetGateways": ("InternetGateways", "InternetGatewayIds"),
    "DescribeRouteTables": ("RouteTables", "RouteTableIds"),
    "DescribeSecurityGroups": ("SecurityGroups", "GroupIds"),
    "DescribeSecurityGroupRules": ("SecurityGroupRules", "SecurityGroupRuleIds"),
    "DescribeInstances": ("Reservations", "InstanceIds"),
    "DescribeVolumes": ("Volumes", "VolumeIds"),
    "DescribeNetworkInterfaces": ("NetworkInterfaces", "NetworkInterfaceIds"),
    "DescribeTags": ("Tags", ""),
    "DescribeInstanceTypes": ("InstanceTypes", "InstanceTypes"),
    "DescribeImages": ("Images", "ImageIds"),
}
SMALLEST, LARGEST = 5, 1_000
UNASKED = {"DescribeInstanceTypes": 100}


def install(calls: Calls) -> None:
    """See the module."""
    calls.cloud.declare("page_at_most", LARGEST, "how many things a page of EC2's has, asked for or not")
    calls.paged = page
    calls.instead("ec2", "DescribeInstances", instances)


def instances(call: Call, _: Any) -> ActionResult:
    """Every reservation asked for: pages are made of them here."""
    filters = {f["Name"]: f.get("Values", []) for f in call.params.get("Filters", [])}
    ids = call.params.get("InstanceIds", [])
    backend = call.backend
    found = (
        backend.get_reservations_by_instance_ids(list(dict.fromkeys(ids)), filters)
        if ids
        else backend.describe_instances(filters)
    )
    return ActionResult({"Reservations": found})


def page(call: Call, result: Any) -> None:
    """Cut what is not on the asked page from a result."""
    if call.service != "ec2" or call.action not in LISTS or not isinstance(result, ActionResult):
        return
    key, ids = LISTS[call.action]
    whole: Any = result.result
    asked, most = call.params.get("MaxResults"), call.cloud.settings["page_at_most"]
    if asked is not None and not SMALLEST <= int(asked) <= LARGEST:
        raise Refusal(
            "InvalidParameterValue", f"Value ( {asked} ) for parameter maxResults is invalid. Expecting 5 to 1000."
        )
    if asked is not None and call.params.get(ids):
        message = f"The parameter {ids} cannot be used with the parameter maxResults"
        raise Refusal("InvalidParameterCombination", message)
    size = min(int(asked or UNASKED.get(call.action, LARGEST)), int(most) if isinstance(most, int) else LARGEST)
    start = _start(call.params.get("NextToken"))
    things = list(whole[key])
    whole[key] = things[start : start + size] if not call.params.get(ids) else things
    more = not call.params.get(ids) and len(things) > start + size
    whole["NextToken"] = base64.urlsafe_b64encode(str(start + size).encode()).decode() if more else None


def _start(token: str | None) -> int:
    try:
        return int(base64.urlsafe_b64decode(token)) if token else 0
    except ValueError:
        raise Refusal("InvalidNextToken", "The token is not valid") from None
