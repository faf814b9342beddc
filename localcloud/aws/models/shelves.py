"""Where moto keeps the things of each kind, and how to show fewer or more of them for a moment."""

from __future__ import annotations

import copy
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any

from localcloud.aws.models.calls import Call

Swap = Callable[[Any, str, Any], None]


class Shelf:
    """Things of one kind in an attribute of their backend, by id."""

    def __init__(self, kind: str, service: str, attribute: str) -> None:
        self.kind, self.service, self.attribute = kind, service, attribute

    def all(self, backend: Any) -> dict[str, Any]:
        """Every thing, by id."""
        found: dict[str, Any] = getattr(backend, self.attribute)
        return found

    def without(self, backend: Any, hidden: set[str], ghosts: dict[str, Any]) -> Any:
        """The attribute with some things missing and others added."""
        return {**{i: t for i, t in self.all(backend).items() if i not in hidden}, **ghosts}

    def all_tags(self, backend: Any) -> dict[str, dict[str, str]]:
        """The tags of every thing that has some."""
        found: dict[str, dict[str, str]] = backend.tags
        return found

    def tags(self, backend: Any, one: str) -> dict[str, str]:
        """The tags of one thing."""
        return self.all_tags(backend).get(one, {})

    def dress(self, backend: Any, tags: dict[str, dict[str, str]], swap: Swap) -> None:
        """Show other tags."""
        swap(backend, "tags", tags)


class Nested(Shelf):
    """Things in one more layer: zones of subnets, networks of groups."""

    def __init__(self, kind: str, attribute: str, outer: str) -> None:
        super().__init__(kind, "ec2", attribute)
        self.outer = outer

    def all(self, backend: Any) -> dict[str, Any]:
        return {i: t for layer in getattr(backend, self.attribute).values() for i, t in layer.items()}

    def without(self, backend: Any, hidden: set[str], ghosts: dict[str, Any]) -> Any:
        shown: dict[str, dict[str, Any]] = defaultdict(dict)
        for name, layer in getattr(backend, self.attribute).items():
            shown[name] = {i: t for i, t in layer.items() if i not in hidden}
        for one, thing in ghosts.items():
            shown[getattr(thing, self.outer)][one] = thing
        return shown


class Instances(Shelf):
    """Instances, which lie in reservations."""

    def all(self, backend: Any) -> dict[str, Any]:
        return {i.id: i for r in backend.reservations.values() for i in r.instances}

    def without(self, backend: Any, hidden: set[str], ghosts: dict[str, Any]) -> Any:
        shown: dict[str, Any] = OrderedDict()
        for name, reservation in backend.reservations.items():
            left = [i for i in reservation.instances if i.id not in hidden]
            if left:
                shown[name] = copy.copy(reservation)
                shown[name].instances = left
        return shown  # a dead instance is shown for long enough by itself


class Queues(Shelf):
    """Queues, which carry their tags themselves."""

    def all_tags(self, backend: Any) -> dict[str, dict[str, str]]:
        return {name: queue.tags for name, queue in self.all(backend).items()}

    def dress(self, backend: Any, tags: dict[str, dict[str, str]], swap: Swap) -> None:
        """Nothing to do: they are attributes like the others."""


class Buckets(Shelf):
    """Buckets, whose tags lie with a service of moto's own, by ARN."""

    def all_tags(self, backend: Any) -> dict[str, dict[str, str]]:
        return {name: dict(backend.tagger.tags.get(bucket.arn, {})) for name, bucket in self.all(backend).items()}

    def dress(self, backend: Any, tags: dict[str, dict[str, str]], swap: Swap) -> None:
        shown = dict(backend.tagger.tags)
        for name, bucket in self.all(backend).items():
            shown[bucket.arn] = dict(tags.get(name, {}))
        swap(backend.tagger, "tags", shown)


KINDS: dict[str, Shelf] = {
    shelf.kind: shelf
    for shelf in (
        Shelf("vpc", "ec2", "vpcs"),
        Nested("subnet", "subnets", "availability_zone"),
        Shelf("igw", "ec2", "internet_gateways"),
        Shelf("rtb", "ec2", "route_tables"),
        Nested("sg", "groups", "vpc_id"),
        Instances("i", "ec2", "reservations"),
        Shelf("vol", "ec2", "volumes"),
        Buckets("bucket", "s3", "buckets"),
        Queues("queue", "sqs", "queues"),
    )
}
# What an action is about, by a part of its name. The longer names first.
ABOUT = (
    ("SecurityGroup", "sg"),
    ("InternetGateway", "igw"),
    ("RouteTable", "rtb"),
    ("Subnet", "subnet"),
    ("Volume", "vol"),
    ("InstanceType", ""),
    ("Instance", "i"),
    ("Vpc", "vpc"),
)


def shelf_of(call: Call) -> Shelf | None:
    """The kind that a read shows."""
    if call.service == "s3":
        return KINDS["bucket"]
    if call.service == "sqs":
        return KINDS["queue"]
    return KINDS.get(next((kind for part, kind in ABOUT if part in call.action), ""))
