"""Kinds of Compute that live in several places: made, found and listed in each, and known by their paths."""

from __future__ import annotations

from typing import Any

import pytest

from activities.providers.gcp.kinds.address import Address, AddressSpec
from activities.providers.gcp.kinds.disk import Disk, DiskSpec
from activities.providers.gcp.kinds.health_check import HealthCheck, HealthCheckSpec
from activities.providers.gcp.kinds.instance import Instance, InstanceSpec
from activities.providers.gcp.kinds.instance_group_manager import InstanceGroupManager, InstanceGroupManagerSpec
from activities.providers.gcp.kinds.instance_template import InstanceTemplate, InstanceTemplateSpec
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
