"""What the ids of requests to Compute keep: a request that is sent twice is carried out once, and no other for it."""

from __future__ import annotations

import pytest

from activities.providers.gcp.kinds.disk import Disk, DiskSpec
from holdfast.errors import NameTaken
from holdfast.model import Status
from tests.kinds.google_calls import Called
from tests.localcloud.google_parts import PROJECT, ZONE, LocalGcp

KIND = Disk()


def disk(**more: object) -> Called[DiskSpec]:
    return Called(KIND, "data", DiskSpec.model_validate({"name": "data", "zone": ZONE, "size_gb": 10, **more}))


def test_the_same_create_is_one_operation(gcp: LocalGcp) -> None:
    """A second delivery of a create is answered by the operation of the first."""
    first, second = KIND.create(disk().call()), KIND.create(disk().call())
    assert (first.handle, first.status) == (second.handle, Status.pending)
    assert len(gcp.control.world()["compute"]) == 1


@pytest.mark.parametrize("strict", [True, False])
def test_a_create_that_says_something_else_is_another_request(gcp: LocalGcp, strict: bool) -> None:
    """What an act wants may be another at its next delivery (an output, a secret): the first does not answer for it."""
    gcp.control.settings(request_id_strict=strict)
    KIND.create(disk().call())
    gcp.control.step(60)
    with pytest.raises(NameTaken):
        KIND.create(disk(size_gb=20).call())
    (stands,) = KIND.find(disk().call())
    assert stands.properties["size_gb"] == 10


@pytest.mark.parametrize("strict", [True, False])
def test_an_act_may_delete_two(gcp: LocalGcp, strict: bool) -> None:
    """Where one act has made two, taking it back asks each of them to go."""
    gcp.control.settings(request_id_strict=strict)
    made = [disk(name=name).made(gcp, token=name).remote_id for name in ("one", "two")]
    for remote_id in made:
        assert KIND.delete(disk().call(remote_id=remote_id, back=True)).status is Status.deleting
    gcp.control.step(60)
    assert gcp.control.world()["compute"] == {}
    assert made == [f"projects/{PROJECT}/zones/{ZONE}/disks/{name}" for name in ("one", "two")]
