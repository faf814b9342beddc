"""A few kinds that do nothing, for documents to name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, ClassVar, Literal

from pydantic import Field, JsonValue

from holdfast.catalog import Catalog
from holdfast.model import Scope, Spec
from holdfast.plan import Verb
from holdfast.resource import Call, Clients, DataType, Observation, Output, ResourceType, Safety, Search


class Inert(ResourceType[Any]):
    safety = Safety.by_tag
    permissions: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    settle_within: ClassVar[Mapping[Verb, timedelta]] = {}
    outputs: ClassVar[Mapping[str, Output]] = {"id": Output("The id.")}

    def observe(self, call: Call[Any]) -> Observation:
        return self.absent()

    def discover(self, search: Search) -> Iterator[Observation]:
        return iter(())

    def create(self, call: Call[Any]) -> Observation:
        return self.absent()

    def update(self, call: Call[Any]) -> Observation:
        return self.absent()

    def delete(self, call: Call[Any]) -> Observation:
        return self.absent()

    def adopt(self, call: Call[Any]) -> Observation:
        return self.absent()

    def disown(self, call: Call[Any]) -> Observation:
        return self.absent()


class NetSpec(Spec):
    cidr: str = Field(description="The addresses of the network.")
    zones: list[str] = Field(default_factory=list)
    tags: dict[str, str] = Field(default_factory=dict)


class Net(Inert):
    """A private network."""

    kind = "aws.vpc"
    spec = NetSpec
    outputs: ClassVar[Mapping[str, Output]] = {
        "id": Output("The id."),
        "arn": Output("The full name."),
        "endpoint": Output("Where it answers."),
    }


class SubnetSpec(Spec):
    vpc: str
    cidr: str
    zone: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)


class Subnet(Inert):
    """A part of a network."""

    kind = "aws.subnet"
    spec = SubnetSpec


class Rule(Spec):
    port: int
    sources: list[str] = Field(min_length=1)


class MachineSpec(Spec):
    image: str
    type: Literal["t3.small", "t3.large"] = "t3.small"
    subnet: str
    count: int = 1
    public: bool = False
    groups: list[str] = Field(default_factory=lambda: ["base"], min_length=1)
    rules: list[Rule] = Field(default_factory=list)
    labels: dict[str, list[str]] = Field(default_factory=dict)
    volume: str | Rule | None = None
    password: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)


class Machine(Inert):
    """A virtual machine."""

    kind = "aws.instance"
    spec = MachineSpec
    outputs: ClassVar[Mapping[str, Output]] = {
        "id": Output("The id."),
        "private_ip": Output("Its address inside the network."),
        "password": Output("What it made up.", sensitive=True),
    }

    def canonical(self, properties: Any) -> dict[str, Any]:
        return {**properties, "groups": sorted(properties["groups"], key=str)}


class BucketSpec(Spec):
    name: str


class Bucket(Inert):
    """A place for objects, without tags."""

    kind = "gcp.bucket"
    spec = BucketSpec


class ImageFilter(Spec):
    name: str
    latest: bool = False


class Image(DataType[Any]):
    """A machine image."""

    kind = "aws.image"
    filter = ImageFilter
    outputs: ClassVar[Mapping[str, Output]] = {"id": Output("The id.")}
    permissions: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def look_up(self, scope: Scope, client: Clients, wanted: Any) -> dict[str, JsonValue]:
        return {}


CATALOG = Catalog([Net(), Subnet(), Machine(), Bucket(), Image()])

HEAD = """\
version: 1
stack: shop
owner: team-shop
environment: dev
scopes:
  main: {cloud: aws, account: "123456789012", region: eu-west-1}
  other: {cloud: gcp, account: shop-dev, region: europe-west1}
defaults: {scope: main}
"""
LINES = HEAD.count("\n")  # so that a test can count its own lines from 1

SHOP = """\
# yaml-language-server: $schema=./holdfast.schema.json
version: 1
stack: shop                      # [a-z][a-z0-9-]{0,39}, unique in its installation
owner: team-shop
environment: dev
parameters:
  size: {type: string, default: t3.small, enum: [t3.small, t3.large]}
scopes:
  main: {cloud: aws, account: "123456789012", region: eu-west-1}
defaults: {scope: main, tags: {cost-center: "42"}}
data:
  linux: {kind: aws.image, filter: {name: "al2023-*", latest: true}}
resources:
  net:  {kind: aws.vpc, spec: {cidr: 10.0.0.0/16}}
  app:
    kind: aws.subnet
    for_each: {a: 10.0.1.0/24, b: 10.0.2.0/24}
    spec: {vpc: "${net.id}", cidr: "${each.value}", zone: "${each.key}"}
  web:
    kind: aws.instance
    depends_on: [net]
    protect: true
    on_remove: delete
    ignore_changes: [tags]
    timeouts: {create: 20m}
    spec: {image: "${data.linux.id}", type: "${parameters.size}", subnet: "${app[a].id}"}
moved: {old_name: web}
outputs: {address: "${web.private_ip}", shared: "${stack.network.outputs.vpc}"}
"""
