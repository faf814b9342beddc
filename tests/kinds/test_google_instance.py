"""`gcp.instance` on the local Google Cloud: what is special to it beside the laws."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from activities.providers.gcp.kinds.disk import Disk, DiskSpec
from activities.providers.gcp.kinds.instance import Instance, InstanceSpec
from activities.providers.gcp.kinds.network import Network, NetworkSpec
from activities.providers.gcp.kinds.subnetwork import Subnetwork, SubnetworkSpec
from holdfast.errors import HoldfastError, InvalidInput, Pending
from holdfast.model import Status
from holdfast.plan import FieldChange
from holdfast.resource import Observation, Search
from tests.kinds.google_calls import OWNER, SCOPE, Called
from tests.localcloud.google_parts import PROJECT, REGION, ZONE, LocalGcp

KIND = Instance()
NET = Called(Network(), "net", NetworkSpec(name="net"))
APP = Called(
    Subnetwork(),
    "app",
    SubnetworkSpec.model_validate(
        {"name": "app", "network": f"projects/{PROJECT}/global/networks/net", "ip_cidr_range": "10.0.0.0/24"}
    ),
)
PLAIN: dict[str, Any] = {
    "name": "web",
    "zone": ZONE,
    "machine_type": "e2-small",
    "image": "projects/debian-cloud/global/images/debian-12-bookworm-v20240910",
    "subnetwork": f"https://www.googleapis.com/compute/v1/projects/{PROJECT}/regions/{REGION}/subnetworks/app",
}


def web(**more: Any) -> Called[InstanceSpec]:
    return Called(KIND, "web", InstanceSpec.model_validate({**PLAIN, **more}))


@pytest.fixture
def gcp(gcp: LocalGcp) -> LocalGcp:
    NET.made(gcp, token="net")
    APP.made(gcp, token="app")
    gcp.control.forget()
    return gcp


def test_it_is_shielded_and_alone_from_its_first_moment(gcp: LocalGcp) -> None:
    """One request makes it: shielded, with logins by IAM, without an address outside, acting as nobody."""
    seen = web().made(gcp)
    (asked,) = gcp.control.executed()
    body = asked.parameters["body"]
    assert body["shieldedInstanceConfig"] == {
        "enableSecureBoot": True,
        "enableVtpm": True,
        "enableIntegrityMonitoring": True,
    }
    assert body["metadata"]["items"] == [{"key": "enable-oslogin", "value": "TRUE"}]
    assert "accessConfigs" not in body["networkInterfaces"][0]
    assert "serviceAccounts" not in body
    assert seen.outputs["nat_ip"] is None
    assert str(seen.outputs["network_ip"]).startswith("10.0.0.")
    assert seen.outputs["boot_disk"] == f"projects/{PROJECT}/zones/{ZONE}/disks/web"


def test_its_boot_disk_is_its_own(gcp: LocalGcp) -> None:
    """The disk bears the same marks, is no disk of the document's, and goes along."""
    seen = web().made(gcp)
    disk = gcp.control.world()["compute"][seen.outputs["boot_disk"]]
    assert disk["labels"]["holdfast-kind"] == "gcp_instance"
    named = Called(Disk(), "web", DiskSpec(name="web", zone=ZONE))
    assert [o.address for o in Disk().find(named.call())] == ["shop/gcp.instance/web"]
    assert list(Disk().discover(Search(SCOPE, named.call().client, OWNER))) == []
    gone = KIND.delete(web().call(remote_id=seen.remote_id))
    assert (gone.status, gone.handle is not None) == (Status.deleting, True)
    gcp.control.step(60)
    assert not [path for path in gcp.control.world()["compute"] if "/networks/" not in path and "/subnet" not in path]


def test_it_stands_stopped_when_it_has_run(gcp: LocalGcp) -> None:
    """Google makes running machines only: the next delivery stops it, and the one after that finds it done."""
    wanted = web(power="stopped")
    with pytest.raises(Pending, match="it is stopped when it runs"):
        KIND.create(wanted.call())
    gcp.control.step(60)
    (found,) = KIND.find(wanted.call())
    asked = KIND.create(wanted.call(remote_id=found.remote_id))
    assert (asked.status, asked.handle is not None) == (Status.pending, True)
    gcp.control.step(60)
    stopped = KIND.create(wanted.call(remote_id=found.remote_id))
    assert (stopped.status, stopped.properties["power"]) == (Status.ready, "stopped")


def test_its_address_of_the_outside_is_another_after_each_start(gcp: LocalGcp) -> None:
    """What was lent to it is told while it runs: none when it is stopped, and another when it runs again."""
    wanted = web(external_ip=True)
    seen = [wanted.made(gcp)]
    for operation in ("stop", "start"):
        KIND.operate(wanted.call(operation, remote_id=seen[0].remote_id), operation)
        gcp.control.step(60)
        seen.append(KIND.observe(wanted.call(remote_id=seen[0].remote_id)))
    first, stopped, again = (one.outputs["nat_ip"] for one in seen)
    assert (bool(first), stopped, bool(again), first == again) == (True, None, True, False)
    assert all(one.properties["external_ip"] is True for one in seen)


def test_what_another_hand_has_suspended_runs_again(gcp: LocalGcp) -> None:
    """Google starts what is stopped alone: to run again is to be resumed, once, also where the answer was lost."""
    seen = web().made(gcp)
    assert gcp.ask("POST", f"/compute/v1/{seen.remote_id}/suspend").status == 200
    gcp.control.step(60)
    call = web().call("start", remote_id=seen.remote_id)
    assert KIND.observe(call).properties["power"] == "suspended"
    gcp.control.forget()
    for _ in range(2):
        KIND.operate(call, "start")
        gcp.control.step(60)
        assert KIND.observe(call).properties["power"] == "running"
    assert gcp.control.executed()[0].action == "instances.resume"


def test_it_is_not_stopped_when_it_was_never_made(gcp: LocalGcp) -> None:
    """What Google gave up on will not run: the operation is handed on, whose words the settle tells."""
    wanted = web(power="stopped")
    gcp.control.settings(operation_errors={"instances.insert": "ZONE_RESOURCE_POOL_EXHAUSTED"})
    with pytest.raises(Pending):
        KIND.create(wanted.call())
    gcp.control.step(60)
    seen = KIND.create(wanted.call())
    found = KIND.underway(wanted.call(handle=seen.handle))
    assert found is not None
    assert (seen.status, found.ended, found.error is not None) == (Status.pending, True, True)


def test_two_at_one_address_collide() -> None:
    """A replace cannot stand beside the old one under another name where the new one asks for its address."""
    before = web(network_ip="10.0.0.7").spec.plain()
    renamed = {**before, "name": "web-2"}
    assert KIND.collides(before, renamed)
    short = PLAIN["subnetwork"].partition("/v1/")[2]
    assert KIND.collides({**before, "subnetwork": short}, renamed)
    assert not KIND.collides(before, {**renamed, "network_ip": "10.0.0.8"})
    assert not KIND.collides(before, {**renamed, "network_ip": None})
    assert not KIND.collides(before, {**renamed, "subnetwork": f"{PLAIN['subnetwork']}-2"})


def test_what_is_protected_is_deleted_in_two_steps(gcp: LocalGcp) -> None:
    """Its protection is against other hands: ours takes it off first, and deletes when it is off."""
    seen = web(deletion_protection=True).made(gcp)
    call = web(deletion_protection=True).call(remote_id=seen.remote_id)
    with pytest.raises(Pending, match="not protected in a moment"):
        KIND.delete(call)
    gcp.control.step(60)
    assert KIND.delete(call).status is Status.deleting


def test_the_operation_tells_what_the_instance_does_not(gcp: LocalGcp) -> None:
    """Its operation is known by its path, in any process; without that, by what it is about."""
    gcp.control.settings(pending_seconds=30, operation_seconds=30)
    made = KIND.create(web().call())
    assert (made.status, made.remote_id) == (Status.pending, f"projects/{PROJECT}/zones/{ZONE}/instances/web")
    assert KIND.observe(web().call(remote_id=made.remote_id)).status is Status.absent
    for call in (web().call(handle=made.handle), web().call(), web().call(remote_id=made.remote_id, spec=None)):
        found = KIND.underway(call)
        assert found is not None
        assert (found.handle, found.ended, found.error) == (made.handle, False, None)
        assert found.detail == "insert PENDING, 0 %"
    gcp.control.step(61)
    ended = KIND.underway(web().call(handle=made.handle))
    assert ended is not None
    assert (ended.ended, ended.error) == (True, None)
    assert KIND.underway(web().call()) is None


def test_a_zone_that_is_full_is_said_by_the_operation(gcp: LocalGcp) -> None:
    """Google takes the request and gives up later, for a reason that passes."""
    gcp.control.settings(operation_errors={"instances.insert": "ZONE_RESOURCE_POOL_EXHAUSTED"})
    made = KIND.create(web().call())
    gcp.control.step(60)
    found = KIND.underway(web().call(handle=made.handle))
    assert found is not None
    assert isinstance(found.error, HoldfastError)
    assert (found.ended, found.error.again, found.error.letter.code) == (True, True, "ZONE_RESOURCE_POOL_EXHAUSTED")
    assert KIND.create(web().call()).handle == made.handle  # the same request, so the same answer
    assert KIND.create(web().call(anew=1)).handle != made.handle


def grown(gcp: LocalGcp, seen: Observation, size: int) -> Observation:
    change = FieldChange(path="boot_disk_size_gb", before=20, after=size)
    return KIND.update(web(boot_disk_size_gb=size).call(remote_id=seen.remote_id, changes=(change,)))


def test_its_boot_disk_grows_and_never_shrinks(gcp: LocalGcp) -> None:
    """The letter says how much it has."""
    seen = web(boot_disk_size_gb=20).made(gcp)
    assert grown(gcp, seen, 30).status in {Status.pending, Status.ready}
    gcp.control.step(60)
    with pytest.raises(InvalidInput, match="has 30 GB, and shall have 20: a disk does not shrink"):
        grown(gcp, seen, 20)


@pytest.mark.parametrize(
    "more, said",
    [
        ({"subnetwork": None}, "say where its interface is"),
        ({"nat_ip": "34.1.2.3"}, "says not to have one"),
        ({"provisioning_model": "SPOT"}, "cannot restart by itself"),
        ({"metadata": {"enable-oslogin": "FALSE"}}, "is said by `os_login`"),
        ({"image": "projects/debian-cloud/global/images/family/debian-12"}, "match"),
        ({"zone": "us-central1"}, "match"),
        ({"name": "Web"}, "match"),
    ],
)
def test_what_does_not_fit_together_is_refused(more: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        web(**more)
