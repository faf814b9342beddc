"""AWS: a bucket (by name), a disk (by token), a network (by tag)."""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.testing.laws import Thing
from tests.cloud import ACCOUNT, REGION
from tests.kills.clouds import Cloud
from tests.kills.parts import KEPT, NOTHING, Hit, Part, Site, second

ELSEWHERE = "eu-west-1"

NET = "  net: {kind: aws.vpc, <about>spec: {cidr: 10.0.0.0/16}}\n"
BOX = "  box: {kind: aws.s3_bucket, <about>spec: {name: <stack>-box}}\n"
DISK = "  disk: {kind: aws.volume, <about>spec: {zone: <region>a, size: 1}}\n"
THREE = NET + BOX + DISK
OTHERS = """
  net: {kind: aws.vpc, spec: {cidr: 10.0.0.0/16, dns_hostnames: false}}
  box: {kind: aws.s3_bucket, spec: {name: <stack>-box, versioning: false}}
  disk: {kind: aws.volume, spec: {zone: <region>a, size: 1, type: gp2}}
"""
RENAMED = THREE.replace("net:", "web:").replace("box:", "crate:").replace("disk:", "drum:")
MOVED = "moved: {net: web, box: crate, disk: drum}\n"
ON = "  web: {kind: aws.instance, spec: {image: ami-03cf127a, type: t3.micro, subnet: <subnet>}}\n"
OFF = ON.replace("subnet: <subnet>", "subnet: <subnet>, power: stopped")
ANCHOR = "  anchor: {kind: aws.volume, spec: {zone: <region>a, size: 2}}\n"

CREATES = (
    Hit("CreateVpc", "<stack>/aws.vpc/net"),
    Hit("CreateBucket", "<stack>-box"),
    Hit("CreateVolume", "<stack>/aws.volume/disk"),
)
UPDATES = (Hit("ModifyVpcAttribute", "<net>"), Hit("PutBucketVersioning", "<box>"), Hit("ModifyVolume", "<disk>"))
MARKS = (Hit("CreateTags", "<net>"), Hit("PutBucketTagging", "<box>"), Hit("CreateTags", "<disk>"))
UNMARKS = (Hit("DeleteTags", "<net>"), Hit("PutBucketTagging", "<box>"), Hit("DeleteTags", "<disk>"))

FORWARD = (
    Part("create", None, THREE, CREATES, THREE),
    Part("update", THREE, OTHERS, UPDATES, OTHERS),
    Part("delete", NET, None, (Hit("DeleteVpc", "<net>"),), None),
    Part("delete data", BOX + DISK, None, (Hit("DeleteBucket", "<box>"), Hit("DeleteVolume", "<disk>")), None),
    Part("adopt", THREE, RENAMED + MOVED, MARKS, RENAMED),
    Part("disown", THREE, NOTHING, UNMARKS, NOTHING, about=KEPT, lets_go=True),
    Part("operate", ON, OFF, (Hit("StopInstances", "<web>"),), OFF),
    Part("discover", THREE, OTHERS, (Hit("DescribeVolumes", '"holdfast/<stack>"'),), OTHERS),
)
BACK = (
    # A region of its own: nobody knows beforehand what id will be taken back.
    Part(
        "taking a create back",
        ANCHOR,
        THREE,
        (Hit("DeleteVpc", "vpc-"), Hit("DeleteBucket", "<stack>-box"), Hit("DeleteVolume", "vol-")),
        ANCHOR,
        region=ELSEWHERE,
    ),
    Part("taking an update back", THREE + ANCHOR, OTHERS, second(UPDATES), THREE + ANCHOR),
    Part("taking a delete back", NET + ANCHOR, NOTHING, CREATES[:1], NET + ANCHOR),
    Part("taking an adoption back", THREE + ANCHOR, RENAMED + MOVED, second(MARKS), THREE + ANCHOR),
    Part("taking an operation back", ON + ANCHOR, OFF, (Hit("StartInstances", "<web>"),), ON + ANCHOR),
    Part("taking a disowning back", THREE + ANCHOR, NOTHING, MARKS[::2], THREE + ANCHOR, about=KEPT),
)


def _things(cloud: Cloud) -> list[Thing]:
    found = []
    for kinds in cloud.control.world().get(ACCOUNT, {}).values():
        for kind, things in kinds.items():
            for one, said in things.items():
                found.append(Thing(kind, one, {k: v for k, v in said.items() if k != "tags"}, said.get("tags") or {}))
    return found


def _words(cloud: Cloud, region: str) -> Mapping[str, str]:
    return {"subnet": cloud.client("ec2", region=region).describe_subnets()["Subnets"][0]["SubnetId"]}


SITE = Site(
    cloud="aws",
    scope=f'{{cloud: aws, account: "{ACCOUNT}", region: <region>}}',
    region=REGION,
    waves={"forward": FORWARD, "back": BACK},
    things=_things,
    kinds={kind: f"aws.{kind}" for kind in ("vpc", "s3_bucket", "volume", "instance")},
    unmarked=frozenset(),
    refusal=("DeleteVolume", "UnauthorizedOperation", 400),
    lags={"new_list_lag_seconds": 5, "deleted_lag_seconds": 5, "tag_api_lag_seconds": 5},
    stale={"stale_seconds": 3},
    words=_words,
)
