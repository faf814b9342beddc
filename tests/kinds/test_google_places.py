"""Kinds of Compute that live in several places: made, found and listed in each, and known by their paths."""

from __future__ import annotations

from typing import Any

import pytest

from activities.providers.gcp.kinds.address import Address, AddressSpec
from activities.providers.gcp.kinds.bucket import Bucket
from activities.providers.gcp.kinds.disk import Disk, DiskSpec
from activities.providers.gcp.kinds.health_check import HealthCheck, HealthCheckSpec
from activities.providers.gcp.kinds.instance import Instance, InstanceSpec
from activities.providers.gcp.kinds.instance_group_manager import InstanceGroupManager, InstanceGroupManagerSpec
from activities.providers.gcp.kinds.instance_template import InstanceTemplate, InstanceTemplateSpec
from activities.providers.gcp.kinds.subnetwork import Subnetwork
from holdfast.errors import InvalidInput
from holdfast.model import Scope, Status
from holdfast.resource import Search
from tests.kinds.google_calls import OWNER, SCOPE, Called
from tests.localcloud.google_parts import PROJECT, REGION, ZONE, LocalGcp

IMAGE = "projects/debian-cloud/global/images/debian-12-bookworm-v20240910"
TEMPLATE = Called(
    InstanceTemplate(),
    "one",
    InstanceTemplateSpec.model_validate(
        {
            "name": "one",
            "machine_type": "e2-small",
            "image": "projects/debian-cloud/global/images/family/debian-12",
            "network": f"projects/{PROJECT}/global/networks/default",
        }
    ),
)
IN_PLACES: list[tuple[Any, Any, dict[str, dict[str, Any]]]] = [
    (
        Address(),
        AddressSpec,
        {
            "global": {"name": "it", "address_type": "EXTERNAL", "location": "global"},
            f"regions/{REGION}": {"name": "it", "address_type": "EXTERNAL"},
        },
    ),
    (
        HealthCheck(),
        HealthCheckSpec,
        {
            "global": {"name": "it", "port": 80},
            f"regions/{REGION}": {"name": "it", "port": 80, "location": "regional"},
        },
    ),
    (
        InstanceGroupManager(),
        InstanceGroupManagerSpec,
        {
            f"zones/{ZONE}": {"zone": ZONE},
            f"regions/{REGION}": {},
        },
    ),
]


@pytest.mark.parametrize("kind, of, places", IN_PLACES, ids=lambda it: getattr(it, "kind", None))
def test_one_name_in_two_places_is_two_things(
    gcp: LocalGcp, kind: Any, of: Any, places: dict[str, dict[str, Any]]
) -> None:
    """Each is made where its spec says, told apart from the other, seen by one search, and removed alone."""
    template = TEMPLATE.made(gcp, token="template").remote_id
    group = {"name": "it", "instance_template": template, "target_size": 1}
    made: dict[str, Called[Any]] = {}
    for number, (place, said) in enumerate(places.items()):
        plain = {**(group if of is InstanceGroupManagerSpec else {}), **said}
        made[place] = Called(kind, f"it{number}", of.model_validate(plain))
        seen = made[place].made(gcp, token=place)
        assert seen.remote_id == f"projects/{PROJECT}/{place}/{kind.collection}/it"
        assert (seen.status, seen.address) == (Status.ready, f"shop/{kind.kind}/it{number}")
    search = Search(SCOPE, TEMPLATE.call().client, OWNER)
    everywhere = {f"projects/{PROJECT}/{place}/{kind.collection}/it" for place in places}
    assert {o.remote_id for o in kind.discover(search)} == everywhere
    elsewhere = Search(Scope("gcp", PROJECT, "europe-west1"), search.client, OWNER)
    assert {o.remote_id for o in kind.discover(elsewhere)} == {path for path in everywhere if "/global/" in path}
    calls = [called.call() for called in made.values()]
    assert {seen.remote_id for _, seen in kind.find_all(calls)} == everywhere
    first, second = everywhere
    assert kind.delete(TEMPLATE.call("gone", spec=None, remote_id=first)).status is Status.deleting
    gcp.control.step(60)
    states = [kind.observe(TEMPLATE.call(spec=None, remote_id=path)).status for path in (first, second)]
    assert states == [Status.absent, Status.ready]


OUTSIDE: list[tuple[Any, Any, dict[str, Any]]] = [
    (Disk(), DiskSpec, {"size_gb": 10}),
    (
        Instance(),
        InstanceSpec,
        {"machine_type": "e2-small", "image": IMAGE, "network": f"projects/{PROJECT}/global/networks/default"},
    ),
    (
        InstanceGroupManager(),
        InstanceGroupManagerSpec,
        {"instance_template": f"projects/{PROJECT}/global/instanceTemplates/one", "target_size": 1},
    ),
]


@pytest.mark.parametrize("kind, of, said", OUTSIDE, ids=lambda it: getattr(it, "kind", None))
def test_a_zone_outside_of_the_region_is_refused(gcp: LocalGcp, kind: Any, of: Any, said: dict[str, Any]) -> None:
    """No list of the scope would show it, so it is not made."""
    called = Called(kind, "it", of.model_validate({"name": "it", "zone": "europe-west1-b", **said}))
    with pytest.raises(InvalidInput, match="europe-west1-b is not in us-central1") as refused:
        kind.create(called.call())
    assert "europe-west1" in refused.value.letter.next
    assert refused.value.letter.address == called.call().address
    made = [str(path) for things in gcp.control.world().values() for path in things]
    assert not [path for path in made if path.endswith("/it")]


BASE = "https://www.googleapis.com/compute/v1/projects/a-project"
BARE: list[tuple[Any, str, dict[str, Any], set[str]]] = [
    (Disk(), "zones/us-central1-a/disks/it", {"status": "READY"}, {"zone", "type", "size_gb"}),
    (Disk(), "regions/us-central1/disks/it", {"status": "READY", "sizeGb": "10"}, {"zone", "type"}),
    (InstanceGroupManager(), "zones/us-central1-a/instanceGroupManagers/it", {}, {"target_size", "instance_template"}),
    (Subnetwork(), "regions/us-central1/subnetworks/it", {"network": f"{BASE}/global/networks/it"}, {"ip_cidr_range"}),
]


@pytest.mark.parametrize("kind, path, more, untold", BARE)
def test_what_an_answer_leaves_out_is_not_told(kind: Any, path: str, more: dict[str, Any], untold: set[str]) -> None:
    """An older or a shorter answer is an observation too, without what it does not say."""
    seen = kind.see({"name": "it", "selfLink": f"{BASE}/{path}", **more}, SCOPE)
    assert seen.remote_id == f"projects/a-project/{path}"
    assert set(seen.outputs) == set(kind.outputs)
    assert set(kind.spec.model_fields) - set(seen.properties) == untold


def test_a_bare_bucket_is_seen() -> None:
    """A bucket without a place or a class in the answer stands all the same."""

    class Storage:
        def list(self, **_: Any) -> Any:
            return [{"name": "it", "selfLink": "https://www.googleapis.com/storage/v1/b/it"}]

    [seen] = Bucket().discover(Search(SCOPE, lambda _: Storage()))
    assert set(Bucket.spec.model_fields) - set(seen.properties) == {"location", "storage_class"}
    assert Bucket().canonical(seen.properties) == seen.properties
