"""`gcp.disk`, `gcp.subnetwork` and `gcp.address`: what grows, what returns, and what is another one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from activities.providers.gcp.kinds.address import Address, AddressSpec
from activities.providers.gcp.kinds.disk import Disk, DiskSpec
from activities.providers.gcp.kinds.forwarding_rule import ForwardingRule
from activities.providers.gcp.kinds.network import Network, NetworkSpec
from activities.providers.gcp.kinds.subnetwork import Subnetwork, SubnetworkSpec
from activities.providers.gcp.paths import Path, bare, last, versionless
from holdfast.diff import three_way
from holdfast.errors import InvalidInput, Pending
from holdfast.model import Scope
from holdfast.plan import FieldChange, UndoLabel
from tests.kinds.google_calls import OWNER, SCOPE, Called
from tests.localcloud.google_parts import PROJECT, REGION, ZONE, LocalGcp

NET = f"projects/{PROJECT}/global/networks/net"
SUBNETS = f"projects/{PROJECT}/regions/{REGION}/subnetworks"
HERE = Scope("gcp", PROJECT, REGION)


def subnet(**more: Any) -> Called[SubnetworkSpec]:
    plain = {"name": "app", "network": NET, "ip_cidr_range": "10.0.0.0/24", **more}
    return Called(Subnetwork(), "app", SubnetworkSpec.model_validate(plain))


def disk(**more: Any) -> Called[DiskSpec]:
    return Called(Disk(), "data", DiskSpec.model_validate({"name": "data", "zone": ZONE, "size_gb": 20, **more}))


def change(field: str, before: Any, after: Any) -> FieldChange:
    return FieldChange(path=field, before=before, after=after)


@pytest.fixture
def net(gcp: LocalGcp) -> LocalGcp:
    Called(Network(), "net", NetworkSpec(name="net")).made(gcp, token="net")
    return gcp


def test_a_disk_does_not_shrink(gcp: LocalGcp) -> None:
    """The letter says how much it has, and nothing is sent."""
    seen = disk().made(gcp)
    gcp.control.forget()
    smaller = disk(size_gb=10).call(remote_id=seen.remote_id, changes=(change("size_gb", 20, 10),))
    with pytest.raises(InvalidInput, match="has 20 GB, and shall have 10: a disk does not shrink"):
        Disk().update(smaller)
    assert gcp.control.executed() == []


def test_labels_of_another_hand_stay(gcp: LocalGcp) -> None:
    """An update writes its own labels onto those that stand, and the marks are among them as they were."""
    seen = disk(labels={"team": "shop", "old": "1"}).made(gcp)
    theirs = {"theirs": "2", **gcp.control.world()["compute"][seen.remote_id]["labels"]}
    found = gcp.ask("GET", f"/compute/v1/{seen.remote_id}").body["labelFingerprint"]
    said = {"labels": theirs, "labelFingerprint": found}
    assert gcp.ask("POST", f"/compute/v1/{seen.remote_id}/setLabels", said).status == 200
    changes = (change("labels.team", "shop", "till"), change("labels.old", "1", None))
    after = Disk().update(disk().call("2", remote_id=seen.remote_id, changes=changes))
    assert after.properties["labels"] == {"team": "till", "theirs": "2"}
    assert (after.owner, after.token) == (str(OWNER), seen.token)


def test_a_range_grows_only(net: LocalGcp) -> None:
    """A range that does not hold the present one is refused before anything is asked."""
    seen = subnet().made(net)
    for other in ("10.0.0.0/25", "10.1.0.0/16"):
        asked = subnet(ip_cidr_range=other).call(
            remote_id=seen.remote_id, changes=(change("ip_cidr_range", "10.0.0.0/24", other),)
        )
        with pytest.raises(InvalidInput, match="does not lie in"):
            Subnetwork().update(asked)


def test_one_change_at_a_time(net: LocalGcp) -> None:
    """What takes several requests says that the rest follows, and does not ask what Google would refuse."""
    seen = subnet().made(net)
    changes = (change("private_ip_google_access", True, False), change("log_config.enable", False, True))
    wanted = subnet(private_ip_google_access=False, log_config={"enable": True})
    call = wanted.call("2", remote_id=seen.remote_id, changes=changes)
    with pytest.raises(Pending, match=r"setPrivateIpGoogleAccess RUNNING, 0 %.*the next change of it follows then"):
        Subnetwork().update(call)
    net.control.step(60)
    assert Subnetwork().update(call).handle is not None
    net.control.step(60)
    stands = Subnetwork().observe(call).properties
    assert three_way(Subnetwork(), wanted.spec.plain(), None, stands) == ()


def test_logs_that_nobody_writes_mean_nothing() -> None:
    plain = subnet(log_config={"flow_sampling": 0.25}).spec.plain()
    assert three_way(Subnetwork(), plain, None, subnet().spec.plain()) == ()


@pytest.mark.parametrize(
    "more, there, collides",
    [
        ({"name": "app2", "ip_cidr_range": "10.0.0.0/16"}, {}, True),
        ({"name": "app2", "ip_cidr_range": "10.1.0.0/16"}, {}, False),
        ({"name": "app2", "network": f"{NET}2"}, {}, False),
        ({"network": f"{NET}2"}, {}, True),
    ],
)
def test_what_cannot_stand_beside_a_subnetwork(more: dict[str, Any], there: dict[str, Any], collides: bool) -> None:
    before, after = subnet(**there).spec.plain(), subnet(**more).spec.plain()
    assert Subnetwork().collides(before, after) is collides


@pytest.mark.parametrize(
    "more, collides",
    [
        ({"name": "b"}, True),
        ({"name": "b", "subnetwork": f"{SUBNETS}/other"}, False),
        ({"name": "b", "address": "10.0.0.8"}, False),
        ({"subnetwork": f"{SUBNETS}/other"}, True),
    ],
)
def test_what_cannot_stand_beside_an_address(more: dict[str, Any], collides: bool) -> None:
    """A number is one network's: another one has it as well. So it is with the address of a forwarding rule."""
    inside = {"name": "a", "address_type": "INTERNAL", "subnetwork": f"{SUBNETS}/app", "address": "10.0.0.9"}
    before, after = (AddressSpec.model_validate(said).plain() for said in (inside, {**inside, **more}))
    assert Address().collides(before, after) is collides
    rules = [{**said, "ip_address": said["address"]} for said in (before, after)]
    assert ForwardingRule().collides(*rules) is collides


def test_an_address_outside_is_given(gcp: LocalGcp) -> None:
    """Its number is an output and never asked for, so taking its delete back makes another; an internal one returns."""
    here = Called(Address(), "door", AddressSpec(name="door", address_type="EXTERNAL"))
    everywhere = replace_location(here)
    for called, place in ((here, f"regions/{REGION}"), (everywhere, "global")):
        seen = called.made(gcp, token=place)
        assert seen.remote_id == f"projects/{PROJECT}/{place}/addresses/door"
        assert seen.outputs["address"]
        assert seen.properties["address"] is None
        assert Address().delete_label(seen.properties)[0] is UndoLabel.lossy
    assert Address().delete_label({"address_type": "INTERNAL"}) == (UndoLabel.exact, "")


def replace_location(called: Called[AddressSpec]) -> Called[AddressSpec]:
    return Called(called.kind, "door", called.spec.model_copy(update={"location": "global"}))


def test_many_names_take_one_list(gcp: LocalGcp) -> None:
    """Names of one place are looked for together, a stranger's among them."""
    disk().made(gcp)
    calls = [disk().call(), replace(disk(name="other").call(), address=disk().address), disk(name="data2").call()]
    asked = len(gcp.control.ledger())
    found = [(call.wanted.name, seen.remote_id) for call, seen in Disk().find_all(calls)]
    assert found == [("data", f"projects/{PROJECT}/zones/{ZONE}/disks/data")]
    assert len(gcp.control.ledger()) == asked


@pytest.mark.parametrize(
    "kind, plain",
    [
        (DiskSpec, {"name": "d", "zone": "us-central1"}),
        (DiskSpec, {"name": "d", "zone": ZONE, "source_image": "projects/p/global/images/family/f"}),
        (AddressSpec, {"name": "a", "address_type": "EXTERNAL", "address": "34.1.2.3"}),
        (AddressSpec, {"name": "a", "address_type": "INTERNAL", "network_tier": "PREMIUM"}),
        (SubnetworkSpec, {"name": "s", "network": "net", "ip_cidr_range": "10.0.0.0/24"}),
    ],
)
def test_what_cannot_be_is_refused(kind: Any, plain: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        kind.model_validate(plain)


def test_paths_are_read_from_every_way_of_writing_them() -> None:
    """A path, and the links of both of Google's hosts, are one thing."""
    path = f"projects/{PROJECT}/zones/{ZONE}/disks/data"
    for text in (
        path,
        f"https://www.googleapis.com/compute/v1/{path}",
        f"https://compute.googleapis.com/compute/v1/{path}",
    ):
        assert bare(text) == path
        assert str(Path.read(text)) == path
    assert Path.read(path).where == {"project": PROJECT, "zone": ZONE}
    assert Path.read(NET).where == {"project": PROJECT}
    assert (last(path), versionless("k/cryptoKeyVersions/1"), versionless("k")) == ("data", "k", "k")
    with pytest.raises(InvalidInput, match="is no path of Compute's"):
        Path.read("data")
    assert SCOPE == HERE
