"""Google Cloud: a disk (by request id, with labels), a bucket (by name, with labels), a firewall rule (marked in its
description), and a member of a bucket's policy (nothing carries a mark: the ledger alone knows).
"""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.testing.laws import Thing
from tests.kills.clouds import Cloud
from tests.kills.parts import KEPT, NOTHING, Hit, Part, Site, second

PROJECT, REGION = "shop-prod", "europe-west3"

DISK = "  disk: {kind: gcp.disk, <about>spec: {name: <stack>-disk, zone: <region>-a, size_gb: 10}}\n"
BOX = "  box: {kind: gcp.bucket, <about>spec: {name: <stack>-box}}\n"
GATE = (
    "  gate: {kind: gcp.firewall, <about>spec: {name: <stack>-gate, network: <network>, "
    "rules: [{ip_protocol: tcp, ports: [443]}], source_ranges: [10.0.0.0/8]}}\n"
)
YARD = "  yard: {kind: gcp.bucket, <about>spec: {name: <stack>-yard}}\n"
READS = """
  reads:
    kind: gcp.bucket_iam_member
    spec: {bucket: "${yard.id}", role: roles/storage.objectViewer, member: "user:<stack>-reads@example.com"}
"""
THREE = DISK + BOX + GATE
OTHERS = (
    DISK.replace("size_gb: 10", "size_gb: 10, labels: {team: shop}")
    + BOX.replace("<stack>-box", "<stack>-box, versioning: false")
    + GATE.replace("source_ranges", "priority: 900, source_ranges")
)
RENAMED = THREE.replace("disk:", "drum:").replace("box:", "crate:").replace("gate:", "door:")
MOVED = "moved: {disk: drum, box: crate, gate: door}\n"
ON = """
  web:
    kind: gcp.instance
    spec: {name: <stack>-web, zone: <region>-a, machine_type: e2-small, image: <image>, network: <network>}
"""
OFF = ON.replace("machine_type", "power: stopped, machine_type")
ANCHOR = "  anchor: {kind: gcp.disk, spec: {name: <stack>-anchor, zone: <region>-a, size_gb: 20}}\n"

GRANT = Hit("buckets.setIamPolicy", "<stack>-yard")
CREATES = (
    Hit("disks.insert", "<stack>-disk"),
    Hit("buckets.insert", "<stack>-box"),
    Hit("firewalls.insert", "<stack>-gate"),
)
DELETES = (
    Hit("disks.delete", "<stack>-disk"),
    Hit("buckets.delete", "<stack>-box"),
    Hit("firewalls.delete", "<stack>-gate"),
)
UPDATES = (
    Hit("disks.setLabels", "<stack>-disk"),
    Hit("buckets.patch", "<stack>-box"),
    Hit("firewalls.patch", "<stack>-gate"),
)  # which are those that write and take away marks as well
STOP, START = Hit("instances.stop", "<stack>-web"), Hit("instances.start", "<stack>-web")

FORWARD = (
    Part("create", None, YARD + READS + THREE, (*CREATES, GRANT), YARD + READS + THREE),
    Part("update", THREE, OTHERS, UPDATES, OTHERS),
    Part("delete", GATE + YARD + READS, YARD, (DELETES[2], GRANT), YARD),
    Part("delete data", BOX + DISK, None, DELETES[:2], None),
    Part("adopt", THREE, RENAMED + MOVED, UPDATES, RENAMED),
    Part("disown", THREE, NOTHING, UPDATES, NOTHING, about=KEPT, lets_go=True),
    Part("operate", ON, OFF, (STOP,), OFF),
    Part("discover", THREE, OTHERS, (Hit("firewalls.list", "=holdfast/<stack> "),), OTHERS),
)
BACK = (
    Part("taking a create back", YARD + ANCHOR, YARD + READS + THREE, (*DELETES, *second([GRANT])), YARD + ANCHOR),
    Part("taking an update back", THREE + ANCHOR, OTHERS, second(UPDATES), THREE + ANCHOR),
    Part(
        "taking a delete back",
        GATE + YARD + READS + ANCHOR,
        YARD,
        (CREATES[2], *second([GRANT])),
        GATE + YARD + READS + ANCHOR,
    ),
    Part("taking an adoption back", THREE + ANCHOR, RENAMED + MOVED, second(UPDATES), THREE + ANCHOR),
    Part("taking an operation back", ON + ANCHOR, OFF, (START,), ON + ANCHOR),
    Part("taking a disowning back", THREE + ANCHOR, NOTHING, second(UPDATES), THREE + ANCHOR, about=KEPT),
)


def _things(cloud: Cloud) -> list[Thing]:
    from starter.testing.gcp import GoogleGround

    return GoogleGround(cloud).things()


def _words(cloud: Cloud, region: str) -> Mapping[str, str]:
    image = "projects/debian-cloud/global/images/debian-12-bookworm-v20240910"
    return {"network": f"projects/{PROJECT}/global/networks/default", "image": image}


SITE = Site(
    cloud="gcp",
    scope=f"{{cloud: gcp, account: {PROJECT}, region: <region>}}",
    region=REGION,
    waves={"forward": FORWARD, "back": BACK},
    things=_things,
    kinds={
        "disks": "gcp.disk",
        "buckets": "gcp.bucket",
        "firewalls": "gcp.firewall",
        "instances": "gcp.instance",
        "policies": "gcp.bucket_iam_member",
    },
    unmarked=frozenset({"policies"}),
    refusal=("disks.delete", "forbidden", 403),
    lags={"list_lag_seconds": 5},
    stale={"pending_seconds": 2},
    words=_words,
)
