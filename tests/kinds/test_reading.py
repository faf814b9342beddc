"""Reading back what stands costs calls for each page, not for each resource."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.providers.aws import tags
from activities.providers.aws.ec2 import Ec2Kind
from activities.reading import CloudReading
from activities.stores.directory import DirectoryStore
from holdfast.act import Look, Seen
from holdfast.contract import ADDRESS_TAG, OWNER_TAG, TOKEN_TAG
from holdfast.model import Owner, Scope
from tests.cloud import ACCOUNT, REGION, LocalAws
from workers.catalog import catalog
from workers.composition import open_cloud

EACH = 167  # of three kinds: 501
PAGE = 50
SCOPE = Scope("aws", ACCOUNT, REGION)
OWNER = Owner("test", "shop")
KINDS = ("aws.security_group", "aws.subnet", "aws.volume")


def _marks(kind: str, name: str) -> list[dict[str, str]]:
    address = f"shop/{kind}/{name}"
    return tags.listed({OWNER_TAG: str(OWNER), ADDRESS_TAG: tags.written(address), TOKEN_TAG: f"token-{name}"})


def _tagged(kind: str, name: str) -> list[dict[str, Any]]:
    sort = {"aws.security_group": "security-group", "aws.subnet": "subnet", "aws.volume": "volume"}[kind]
    return [{"ResourceType": sort, "Tags": _marks(kind, name)}]


def _volume(ec2: Any, name: str) -> str:
    made = ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1, TagSpecifications=_tagged("aws.volume", name))
    return str(made["VolumeId"])


def _stand(ec2: Any) -> None:
    """Five hundred resources, as an earlier run would have left them, and as many of a stranger's."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]

    def make(n: int) -> None:
        _volume(ec2, f"d{n}")
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", TagSpecifications=_tagged("aws.subnet", f"s{n}"))
        ec2.create_security_group(
            VpcId=vpc, GroupName=f"g{n}", Description="g", TagSpecifications=_tagged("aws.security_group", f"g{n}")
        )

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(make, range(EACH)))


def _read(root: Path, **look: Any) -> tuple[Seen, list[Any]]:
    store = DirectoryStore(root)
    reading = CloudReading(catalog(), store, open_cloud("aws"))
    seen: Seen = ActivityEnvironment().run(reading.discover, Look(scope=SCOPE, kinds=KINDS, owner=OWNER, **look))
    rows: Any = store.get(seen.digest)
    return seen, rows


def test_five_hundred_cost_calls_by_the_page(aws: LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five hundred of three kinds are read with three calls a page at most, and a get for what the list misses."""
    ec2 = aws.client("ec2")
    _stand(ec2)
    monkeypatch.setattr(Ec2Kind, "page", PAGE)
    pages = len(KINDS) * math.ceil(EACH / PAGE)
    seen, rows = _read(tmp_path)
    assert seen.count == len(KINDS) * EACH
    assert not any(row["observation"]["partial"] for row in rows)
    assert pages <= seen.calls <= 3 * pages
    # One that the ledger knows, and that no list shows yet: it is fetched by its id before it is called absent.
    aws.control.settings(new_list_lag_seconds=600)
    late = _volume(ec2, "late")
    known = (("shop/aws.volume/late", late), ("shop/aws.volume/gone", "vol-0123456789abcdef0"))
    again, rows = _read(tmp_path, known=known)
    assert again.count == seen.count + 1
    assert any(row["observation"]["remote_id"] == late for row in rows)
    assert again.calls <= seen.calls + len(known)
