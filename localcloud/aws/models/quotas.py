"""Lets an account have only so much.

Setting: `quotas`, kind -> most: vpc, subnet (a VPC), internet_gateway, route_table (a VPC), security_group, instance,
volume, bucket, queue. What is not named has no limit. Default networks do not count.

Moto: no limits. AWS: an error of each kind's own.
Sources: EC2 API reference "Error codes"; S3 API reference "Error responses"; SQS has no quota on queues, so OverLimit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.aws.models.calls import Call, Calls, Refusal

Counted = Callable[[Call], int]


def _standing(call: Call) -> int:
    alive = {"pending", "running", "stopping", "stopped"}
    return sum(i.state in alive for r in call.backend.reservations.values() for i in r.instances)


def _subnets(call: Call) -> int:
    wanted = call.params.get("VpcId")
    return sum(s.vpc_id == wanted for zone in call.backend.subnets.values() for s in zone.values())


def _groups(call: Call) -> int:
    return sum(not g.is_default for groups in call.backend.groups.values() for g in groups.values())


LIMITS: dict[tuple[str, str], tuple[str, str, Counted]] = {
    ("ec2", "CreateVpc"): ("vpc", "VpcLimitExceeded", lambda c: sum(not v.is_default for v in c.backend.vpcs.values())),
    ("ec2", "CreateSubnet"): ("subnet", "SubnetLimitExceeded", _subnets),
    ("ec2", "CreateInternetGateway"): (
        "internet_gateway",
        "InternetGatewayLimitExceeded",
        lambda c: len(c.backend.internet_gateways),
    ),
    ("ec2", "CreateRouteTable"): (
        "route_table",
        "RouteTableLimitExceeded",
        lambda c: sum(t.vpc_id == c.params.get("VpcId") for t in c.backend.route_tables.values()),
    ),
    ("ec2", "CreateSecurityGroup"): ("security_group", "SecurityGroupLimitExceeded", _groups),
    ("ec2", "RunInstances"): ("instance", "InstanceLimitExceeded", _standing),
    ("ec2", "CreateVolume"): ("volume", "VolumeLimitExceeded", lambda c: len(c.backend.volumes)),
    ("s3", "CreateBucket"): ("bucket", "TooManyBuckets", lambda c: len(c.backend.buckets)),
    ("sqs", "CreateQueue"): ("queue", "OverLimit", lambda c: len(c.backend.queues)),
}


def install(calls: Calls) -> None:
    """See the module."""
    calls.cloud.declare("quotas", {}, "how many of a kind an account may have in a region, kind -> number")
    calls.last.append(room)


def room(call: Call) -> None:
    """Refuse the one too many."""
    quotas: Any = call.cloud.settings["quotas"]
    limit = LIMITS.get((call.service, call.action)) if quotas else None
    if limit is None or not isinstance(quotas.get(limit[0]), int):
        return
    kind, code, counted = limit
    if counted(call) + int(call.params.get("MaxCount", 1)) > quotas[kind]:
        raise Refusal(code, f"The maximum number of {kind.replace('_', ' ')}s has been reached: {quotas[kind]}")
