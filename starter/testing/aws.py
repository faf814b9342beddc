"""The local AWS as a `Ground`: the laws' judge of what stands, and what makes it fail.

Its process's environment has to name the cloud (`LocalCloud.environment`): kinds are reached through the one door.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from activities.providers.aws import door
from activities.providers.aws.door import AwsVisit
from holdfast.model import Scope
from holdfast.resource import Clients
from holdfast.testing.laws import Thing
from starter.local.crew import ACCOUNT, REGION
from starter.testing.cloud import LocalCloud
from starter.testing.controlled import EVERYTHING, ControlledGround

READS = re.compile(r"(describe|get|list|head|search)_")
# From one state to the next, on this cloud's clock: whatever its settings call so.
TAKES_TIME = re.compile(
    r".*_(pending|stopping|shutting_down|creating|deleting|delete|attaching|detaching|modifying)_seconds"
)
LAGS = {
    "new_list_lag_seconds": 5,
    "tag_api_lag_seconds": 5,
    "new_get_lag_seconds": 2,
    "stale_seconds": 3,
    "deleted_lag_seconds": 3,
}
# Where the name of a permission is not the name of the action.
# Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3", and of EC2, SQS.
PERMISSIONS: Mapping[str, tuple[str, ...]] = {
    "s3:ListBuckets": ("s3:ListAllMyBuckets",),
    "s3:HeadBucket": ("s3:ListBucket",),
    "s3:GetBucketEncryption": ("s3:GetEncryptionConfiguration",),
    "s3:PutBucketEncryption": ("s3:PutEncryptionConfiguration",),
    "s3:DeleteBucketEncryption": ("s3:PutEncryptionConfiguration",),
    "s3:GetPublicAccessBlock": ("s3:GetBucketPublicAccessBlock",),
    "s3:PutPublicAccessBlock": ("s3:PutBucketPublicAccessBlock",),
    "s3:DeletePublicAccessBlock": ("s3:PutBucketPublicAccessBlock",),
    "s3:DeleteBucketTagging": ("s3:PutBucketTagging",),
}
SERVICES = {"resourcegroupstaggingapi": "tag"}


def forget() -> None:
    """Close and forget the door's clients: they would lead to another cloud."""
    for client in door._clients.values():
        client.close()
    door._clients.clear()
    door._account.clear()


class AwsGround(ControlledGround):
    """See the module."""

    scope: ClassVar[Scope] = Scope("aws", ACCOUNT, REGION)

    def __init__(self, cloud: LocalCloud) -> None:
        super().__init__(cloud.control)
        self.cloud = cloud

    # --- using it ----------------------------------------------------------------------------------------------

    def clients(self) -> Clients:
        """See `Ground`."""
        visit = AwsVisit(self.scope)
        return lambda service: _Watched(self, service, visit.client(service))

    # --- judging it --------------------------------------------------------------------------------------------

    def things(self) -> list[Thing]:
        """See `Ground`."""
        found: list[Thing] = []
        for kind, things in self.control.world().get(ACCOUNT, {}).get(REGION, {}).items():
            for remote_id, said in things.items():
                fields = dict(said)
                found.append(Thing(kind, remote_id, fields, fields.pop("tags", None) or {}))
        return found

    def mutates(self, action: str) -> bool:
        """See `Ground`."""
        return READS.match(_snake(action.partition(":")[2])) is None

    def permissions(self, action: str) -> frozenset[str]:
        """See `Ground`."""
        return frozenset(PERMISSIONS.get(action, (action,)))

    def reachable(self, thing: Thing) -> bool:
        """See `Ground`: a bucket that blocks less than everything, or whoever's policy lets everybody in."""
        policy = thing.fields.get("policy") or thing.fields.get("attributes", {}).get("Policy")
        block = thing.fields.get("public_access_block")
        unblocked = thing.kind == "s3_bucket" and not (block and all(block.values()))
        return unblocked or _lets_everybody_in(policy)

    # --- making it fail ----------------------------------------------------------------------------------------

    def furnish(self) -> None:
        """What an account has from its first encrypted disk on: a key. And what the trial of an instance names, and no
        kind makes.
        """
        ec2 = AwsVisit(self.scope).client("ec2")
        disk = ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1, Encrypted=True)["VolumeId"]
        self.control.step(EVERYTHING)
        ec2.delete_volume(VolumeId=disk)
        self.control.step(EVERYTHING)
        ec2.describe_volumes()
        AwsVisit(self.scope).client("iam").create_instance_profile(InstanceProfileName="reader")

    def lag(self) -> None:
        """See `Ground`."""
        self.control.settings(**LAGS)

    def slow(self) -> None:
        """See `Ground`."""
        self.control.settings(**{n: 3600 for n in self.control.settings() if TAKES_TIME.fullmatch(n)})

    def request(self, service: str, operation: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """One request through the door: written down, and where the process is to die, not sent."""

        def send(*given: Any, **named: Any) -> Any:
            action = f"{SERVICES.get(service, service)}:{_camel(service, operation)}"
            self.leave(action)
            return call(*given, **named)

        return send


class _Watched:
    """A client, or a paginator, whose requests are written down."""

    def __init__(self, ground: AwsGround, service: str, inner: Any, operation: str | None = None) -> None:
        self._ground, self._service, self._inner, self._operation = ground, service, inner, operation

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name == "get_paginator":
            return lambda operation: _Watched(self._ground, self._service, found(operation), operation)
        return self._ground.request(self._service, self._operation or name, found)


def _camel(service: str, operation: str) -> str:
    """The cloud's name of an operation that boto3 names in snake case."""
    names: Mapping[str, str] = door._client(service, REGION).meta.method_to_api_mapping
    return names[operation]


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _lets_everybody_in(policy: Any) -> bool:
    read = json.loads(policy) if isinstance(policy, str) else policy or {}
    return any(
        s.get("Effect") == "Allow" and s.get("Principal") in ("*", {"AWS": "*"}) for s in read.get("Statement", [])
    )
