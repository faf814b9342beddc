"""The verbs that a loss strikes: each a stack of its own, with what stands before, what is asked, and how it shall end.

A kind of each safety class is in every part that has one: a bucket (by name), a disk (by token), a network (by tag).
Of what does not return, only what is asked for comes last; so a part that shall be taken back also removes an
`anchor`, whose removal the cloud refuses when everything else is done.
"""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.contract import State
from tests.cloud import REGION

ELSEWHERE = "eu-west-1"
KINDS = ("s3_bucket", "volume", "vpc")

NET = "  net: {{kind: aws.vpc, {about}spec: {{cidr: 10.0.0.0/16}}}}\n"
BOX = "  box: {{kind: aws.s3_bucket, {about}spec: {{name: {stack}-box}}}}\n"
DISK = "  disk: {{kind: aws.volume, {about}spec: {{zone: {region}a, size: 1}}}}\n"
THREE = NET + BOX + DISK
OTHERS = """
  net: {{kind: aws.vpc, spec: {{cidr: 10.0.0.0/16, dns_hostnames: false}}}}
  box: {{kind: aws.s3_bucket, spec: {{name: {stack}-box, versioning: false}}}}
  disk: {{kind: aws.volume, spec: {{zone: {region}a, size: 1, type: gp2}}}}
"""
RENAMED = THREE.replace("net:", "web:").replace("box:", "crate:").replace("disk:", "drum:")
MOVED = "moved: {{net: web, box: crate, disk: drum}}\n"
ON = "  web: {{kind: aws.instance, spec: {{image: ami-03cf127a, type: t3.micro, subnet: {subnet}}}}}\n"
OFF = ON.replace("subnet: {subnet}", "subnet: {subnet}, power: stopped")
ANCHOR = "  anchor: {{kind: aws.volume, spec: {{zone: {region}a, size: 2}}}}\n"
NOTHING = "  {{}}\n"
KEPT = "on_remove: keep, "

CREATES = (
    ("CreateVpc", "{stack}/aws.vpc/net"),
    ("CreateBucket", "{stack}-box"),
    ("CreateVolume", "{stack}/aws.volume/disk"),
)
UPDATES = (("ModifyVpcAttribute", "{net}"), ("PutBucketVersioning", "{box}"), ("ModifyVolume", "{disk}"))
MARKS = (("CreateTags", "{net}"), ("PutBucketTagging", "{box}"), ("CreateTags", "{disk}"))
UNMARKS = (("DeleteTags", "{net}"), ("PutBucketTagging", "{box}"), ("DeleteTags", "{disk}"))


@dataclass(frozen=True, slots=True)
class Part:
    """One verb: what stands before, what is asked (None: down), whose requests are lost, and how it shall end."""

    name: str
    before: str | None
    asked: str | None
    struck: tuple[tuple[str, str], ...]  # action, and a word of the request: {net}, {box}, {disk} stand for ids
    stands: str | None  # the resources that are ours afterwards
    nth: int = 1  # which request of an action is struck
    about: str = ""  # said of each resource
    region: str = REGION
    lets_go: bool = False  # what is no longer ours stands nevertheless

    @property
    def is_undone(self) -> bool:
        """Whether the last step is refused, and everything before it taken back."""
        return bool(self.before and ANCHOR in self.before)

    @property
    def state(self) -> State:
        """How the run ends."""
        return State.undone if self.is_undone else State.done


FORWARD = (
    Part("create", None, THREE, CREATES, THREE),
    Part("update", THREE, OTHERS, UPDATES, OTHERS),
    Part("delete", NET, None, (("DeleteVpc", "{net}"),), None),
    Part("delete a bucket", BOX, None, (("DeleteBucket", "{box}"),), None),
    Part("delete a disk", DISK, None, (("DeleteVolume", "{disk}"),), None),
    Part("adopt", THREE, RENAMED + MOVED, MARKS, RENAMED),
    Part("disown", THREE, NOTHING, UNMARKS, NOTHING, about=KEPT, lets_go=True),
    Part("operate", ON, OFF, (("StopInstances", "{web}"),), OFF),
    Part("discover", THREE, OTHERS, (("DescribeVolumes", '"holdfast/{stack}"'),), OTHERS),
)
BACK = (
    # A region of its own: nobody knows beforehand what id will be taken back.
    Part(
        "taking a create back",
        ANCHOR,
        THREE,
        (("DeleteVpc", "vpc-"), ("DeleteBucket", "{stack}-box"), ("DeleteVolume", "vol-")),
        ANCHOR,
        region=ELSEWHERE,
    ),
    Part("taking an update back", THREE + ANCHOR, OTHERS, UPDATES, THREE + ANCHOR, nth=2),
    Part("taking a delete back", NET + ANCHOR, NOTHING, CREATES[:1], NET + ANCHOR),
    Part("taking an adoption back", THREE + ANCHOR, RENAMED + MOVED, MARKS, THREE + ANCHOR, nth=2),
    Part("taking an operation back", ON + ANCHOR, OFF, (("StartInstances", "{web}"),), ON + ANCHOR),
    Part("taking a disowning back", THREE + ANCHOR, NOTHING, MARKS[::2], THREE + ANCHOR, about=KEPT),
)
WAVES = {"forward": FORWARD, "back": BACK}
