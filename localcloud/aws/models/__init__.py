"""What moto does differently from AWS, closed or refused, one subject a file. Each says what moto does, what AWS
does, and where that is written.

Left as moto has it: instance reachability (always well), CPU credits, IPv6, prefix lists, network access lists,
addresses of interfaces, requests to a bucket through another region's endpoint, and what the kinds built on this
cannot meet.
"""

from __future__ import annotations

from localcloud.aws.models import (
    buckets,
    groups,
    images,
    instances,
    known,
    launches,
    networks,
    pages,
    profiles,
    queues,
    quotas,
    refusals,
    routes,
    serializing,
    speed,
    tagging,
    tokens,
    visibility,
    volumes,
)
from localcloud.aws.models.calls import Calls
from localcloud.aws.models.world import world as _world
from localcloud.core.cloud import Cloud, Json

# The order of `known` and `visibility` is the order of their checks: there is no such thing, or not yet.
SUBJECTS = (
    refusals,
    tokens,
    known,
    visibility,
    quotas,
    networks,
    routes,
    groups,
    instances,
    volumes,
    launches,
    profiles,
    images,
    buckets,
    queues,
    tagging,
    pages,
    speed,
    serializing,
)

_installed: list[Cloud] = []


def install(cloud: Cloud) -> None:
    """Put all subjects into moto, for one cloud. Once in a process: moto is global."""
    from moto.ec2.responses import EC2Response
    from moto.resourcegroupstaggingapi.responses import ResourceGroupsTaggingAPIResponse
    from moto.sqs.responses import SQSResponse
    from moto.sts.responses import TokenResponse

    if _installed:
        raise RuntimeError("moto is patched already")
    calls = Calls(cloud)
    for subject in SUBJECTS:
        subject.install(calls)
    calls.patch(EC2Response, "ec2")
    calls.patch(SQSResponse, "sqs")
    calls.patch(ResourceGroupsTaggingAPIResponse, "resourcegroupstaggingapi")
    calls.patch(TokenResponse, "sts")
    _installed.append(cloud)


def world() -> dict[str, Json]:
    """Everything that stands: see `localcloud.aws.models.world`."""
    return _world(_installed[0])
