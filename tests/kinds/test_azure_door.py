"""The door to Azure: ARM's JSON in both directions, each request once and counted, and its errors in our words."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from activities.letters import to_temporal
from activities.providers.azure import ids, sdk, tags
from activities.providers.azure.door import AzureVisit, Operation, open_visit
from holdfast.errors import (
    Blocked,
    Broken,
    CreateFailed,
    HoldfastError,
    InvalidInput,
    NameTaken,
    NotAllowed,
    NotFound,
    Pending,
    Throttled,
    Unavailable,
)
from tests.kinds.azure_visit import A_DISK, A_NET, DISK, DISKS, GROUP, NET, SCOPE, an_interface, with_a_subnet
from tests.localcloud.azure_parts import SUBSCRIPTION, WHERE, LocalAzure, machine

VM = ids.inside(GROUP, "Microsoft.Compute/virtualMachines", "web")

# --- a calm day --------------------------------------------------------------------------------------------------


def test_a_calm_day(azure: LocalAzure) -> None:
    """A group, a network and a disk are made, followed, read, listed, changed and deleted, in ARM's own JSON."""
    visit = open_visit(SCOPE)
    resource, network, compute = (visit.client(s) for s in ("resource", "network", "compute"))
    group = resource.put(GROUP, {"location": WHERE, "tags": {"team": "shop"}})
    assert (group.status, group.body["tags"], group.operation) == (201, {"team": "shop"}, "")

    begun = network.put(NET, A_NET)
    assert (begun.status, begun.body["properties"]["provisioningState"]) == (201, "Updating")
    assert all((begun.etag, begun.request, begun.retry_after == timedelta(seconds=1)))
    assert network.operation(begun.operation).status == "InProgress"
    azure.control.step(60)
    assert network.operation(begun.operation) == Operation("Succeeded", body=network.operation(begun.operation).body)
    seen = network.get(NET).body
    assert (seen["properties"]["provisioningState"], ids.same(seen["id"], NET.upper())) == ("Succeeded", True)

    begun = compute.put(DISK, A_DISK)
    assert begun.operation.startswith(azure.endpoint)
    azure.control.step(60)
    assert compute.operation(begun.operation).ended
    assert [one["name"] for one in compute.pages(DISKS)] == ["data"]

    compute.patch(DISK, {"properties": {"diskSizeGB": 20}})
    azure.control.step(60)
    assert compute.get(DISK).body["properties"]["diskSizeGB"] == 20

    begun = compute.delete(DISK)
    assert not compute.operation(begun.operation).ended
    azure.control.step(60)
    assert compute.operation(begun.operation).status == "Succeeded"
    with pytest.raises(NotFound):
        compute.get(DISK)
    assert compute.delete(DISK).status == 204

    begun = resource.delete(GROUP)  # answered with a Location alone
    assert (begun.status, begun.body, resource.operation(begun.operation).ended) == (202, {}, False)
    azure.control.step(60)
    assert resource.operation(begun.operation).status == "Succeeded"
    assert visit.answered
    assert visit.calls == len(visit.requests)


def test_an_action(visit: AzureVisit) -> None:
    """What is no resource is asked for by POST: here, whether a name is free."""
    asked = f"{ids.subscription(SUBSCRIPTION)}/providers/Microsoft.Storage/checkNameAvailability"
    body = {"name": "holdfastdata", "type": "Microsoft.Storage/storageAccounts"}
    assert visit.client("storage").post(asked, body).body["nameAvailable"] is True


def test_tags_are_changed_one_by_one(visit: AzureVisit) -> None:
    """Tags are merged into those of anything, and taken off again, and the others stay."""
    compute, resource = visit.client("compute"), visit.client("resource")
    compute.put(DISK, {**A_DISK, "tags": {"team": "shop"}})
    resource.patch(tags.path(DISK), tags.merging({"Holdfast-Owner": "prod/shop"}))
    merged = compute.get(DISK).body["tags"]
    assert merged == {"team": "shop", "Holdfast-Owner": "prod/shop"}
    resource.patch(tags.path(DISK), tags.removing(merged))
    assert compute.get(DISK).body["tags"] == {"team": "shop"}


def test_a_list_is_filtered_by_the_cloud(visit: AzureVisit) -> None:
    """`filter` reaches ARM as `$filter`."""
    compute = visit.client("compute")
    compute.put(DISK, {**A_DISK, "tags": {"holdfast-address": "shop/azure.disk/data[a]"}})
    compute.put(f"{DISK}2", A_DISK)
    wanted = "tagName eq 'holdfast-address' and tagValue eq 'shop/azure.disk/data[a]'"
    everything = f"{ids.subscription(SUBSCRIPTION)}/resources"
    assert [one["name"] for one in visit.client("resource").pages(everything, filter=wanted)] == ["data"]


def test_every_page_is_a_request(azure: LocalAzure, visit: AzureVisit) -> None:
    """A list of five by twos costs three requests, and none before its first member is taken."""
    for number in range(5):
        visit.client("compute").put(f"{DISK}{number}", A_DISK)
    azure.control.settings(page_size=2)
    reader = open_visit(SCOPE)
    pages = reader.client("compute").pages(DISKS)
    assert reader.calls == 0
    assert [one["name"] for one in pages] == [f"data{n}" for n in range(5)]
    assert (reader.calls, len(reader.requests)) == (3, 3)


# --- refusals ----------------------------------------------------------------------------------------------------


def test_only_if_nothing_stands_there(azure: LocalAzure, visit: AzureVisit) -> None:
    """A create that must be new is refused, as a name taken, where something stands."""
    with_a_subnet(azure)
    compute, said = visit.client("compute"), machine(an_interface(visit))
    assert compute.put(VM, said, if_none_match="*").status == 201
    with pytest.raises(NameTaken) as refused:
        compute.put(VM, said, if_none_match="*")
    assert refused.value.letter.code == "PreconditionFailed"
    assert refused.value.letter.requests == visit.requests[-1:]


def test_only_if_nobody_wrote_in_between(visit: AzureVisit) -> None:
    """A write under an etag goes well once, and with the old one it is to look again."""
    network = visit.client("network")
    etag = network.put(NET, A_NET).etag
    assert network.put(NET, {**A_NET, "tags": {"a": "1"}}, if_match=etag).etag != etag
    with pytest.raises(Pending):
        network.put(NET, A_NET, if_match=etag)


@pytest.mark.parametrize(
    "code, status, error",
    [
        ("AuthorizationFailed", 403, NotAllowed),
        ("ScopeLocked", 409, NotAllowed),
        ("MissingSubscriptionRegistration", 409, NotAllowed),
        ("SubscriptionNotFound", 404, NotAllowed),
        ("InvalidSubscriptionId", 400, NotAllowed),
        ("AnotherOperationInProgress", 429, Pending),
        ("StorageAccountAlreadyTaken", 409, NameTaken),
        ("InUseSubnetCannotBeDeleted", 400, Blocked),
        ("InternalServerError", 500, Unavailable),
        ("NeverHeardOf", 409, Broken),
    ],
)
def test_a_refusal(azure: LocalAzure, visit: AzureVisit, code: str, status: int, error: type[HoldfastError]) -> None:
    """A refusal comes as ours, with ARM's code, words and request id; it was answered, once."""
    azure.control.refuse(code, "as the cloud says it", status, action="Microsoft.Compute/disks/write")
    with pytest.raises(HoldfastError) as refused:
        visit.client("compute").put(DISK, A_DISK)
    letter = refused.value.letter
    assert type(refused.value) is error
    assert (letter.code, "as the cloud says it" in letter.happened, DISK in letter.happened) == (code, True, True)
    assert letter.requests == visit.requests
    assert (visit.calls, visit.answered) == (1, True)
    assert not any("register" in entry.action for entry in azure.control.ledger())


def test_another_subscription(azure: LocalAzure, visit: AzureVisit) -> None:
    """A subscription that these credentials do not reach is not allowed, never gone; the letter says what to mend."""
    azure.control.refuse("SubscriptionNotFound", "could not be found", 404)
    with pytest.raises(NotAllowed, match="a role in that subscription"):
        visit.client("compute").get(DISK)


def test_an_answer_that_takes_too_long(azure: LocalAzure, visit: AzureVisit, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that is not answered in time is not answered; what it asked for may stand."""
    monkeypatch.setattr(sdk, "READ", 0.3)
    sdk.forget()
    azure.control.hold(action="Microsoft.Compute/disks/write")
    with pytest.raises(Unavailable):
        visit.client("compute").put(DISK, A_DISK)
    azure.control.release()
    assert (visit.calls, visit.answered) == (1, False)
    assert visit.client("compute").get(DISK).body["name"] == "data"


def test_a_reference_to_what_is_not_there(visit: AzureVisit) -> None:
    """A group that is not there is not found, whatever is asked for inside it; nothing has come of that."""
    elsewhere = ids.inside(ids.group(SUBSCRIPTION, "other"), "Microsoft.Compute/disks", "data")
    compute = visit.client("compute")
    with pytest.raises(NotFound, match="ResourceGroupNotFound"):
        compute.get(elsewhere)
    with pytest.raises(NotFound, match="ResourceGroupNotFound"):
        compute.put(elsewhere, A_DISK)
    assert visit.untouched
    compute.put(DISK, A_DISK)
    assert not visit.untouched


def test_throttled(azure: LocalAzure, visit: AzureVisit) -> None:
    """Throttling says how long to wait, and is not asked again by the SDK."""
    azure.control.throttle(rate=0, burst=1, action="Microsoft.Compute/disks/read")
    compute = visit.client("compute")
    assert list(compute.pages(DISKS)) == []
    with pytest.raises(Throttled) as slow:
        list(compute.pages(DISKS))
    assert (slow.value.after, visit.calls) == (timedelta(seconds=1), 2)
    azure.control.settings(throttled_seconds=30)
    with pytest.raises(Throttled) as slow:
        list(compute.pages(DISKS))
    assert slow.value.after == timedelta(seconds=30)


@pytest.mark.parametrize("on_demand", [False, True])
def test_what_is_busy_says_when_to_come_again(azure: LocalAzure, visit: AzureVisit, on_demand: bool) -> None:
    """A write while another is under way waits as long as ARM asks for, and the server asks again no sooner."""
    network = visit.client("network")
    azure.control.settings(seconds={}, retry_after_seconds=7)
    if on_demand:
        azure.control.refuse("AnotherOperationInProgress", "in progress", 409, action="*/virtualNetworks/write")
    else:
        network.put(NET, A_NET)
    with pytest.raises(Pending, match="AnotherOperationInProgress") as busy:
        network.put(NET, A_NET)
    assert busy.value.after == timedelta(seconds=7)
    assert to_temporal(busy.value, attempt=1).next_retry_delay == timedelta(seconds=7)


@pytest.mark.parametrize("lost", ["lose_answer", "lose_request"])
def test_nothing_is_heard(azure: LocalAzure, visit: AzureVisit, lost: str) -> None:
    """A lost answer is not an answer: asked once, nobody answered, and the next request is as any other."""
    getattr(azure.control, lost)(action="Microsoft.Compute/disks/write")
    with pytest.raises(Unavailable):
        visit.client("compute").put(DISK, A_DISK)
    assert (visit.calls, visit.answered, visit.requests, visit.untouched) == (1, False, (), False)
    azure.control.heal()
    stands = [one["name"] for one in visit.client("compute").pages(DISKS)]
    assert stands == (["data"] if lost == "lose_answer" else [])
    assert (visit.calls, visit.answered, len(visit.requests)) == (2, True, 1)


def test_what_a_request_began_fails(azure: LocalAzure, visit: AzureVisit) -> None:
    """A request that was taken and then failed says so where it is followed; asking for it raises nothing."""
    failing = {
        "create Microsoft.Compute/disks/data": "DiskGaveUp",
        "create Microsoft.Compute/disks/full": "AllocationFailed",
    }
    azure.control.settings(seconds={"*": 10}, failing=failing)
    compute = visit.client("compute")
    first, second = compute.put(DISK, A_DISK), compute.put(ids.inside(GROUP, "Microsoft.Compute/disks", "full"), A_DISK)
    azure.control.step(60)
    ended = compute.operation(first.operation)
    assert (ended.status, type(ended.error)) == ("Failed", CreateFailed)
    assert "DiskGaveUp" in str(ended.error)
    assert type(compute.operation(second.operation).error) is Unavailable


def test_a_group_that_something_outside_needs(azure: LocalAzure, visit: AzureVisit) -> None:
    """A Location answers with the error itself when what it stands for has failed."""
    subnet = {"name": "s0", "properties": {"addressPrefix": "10.0.0.0/24"}}
    visit.client("network").put(NET, {**A_NET, "properties": {**A_NET["properties"], "subnets": [subnet]}})
    visit.client("resource").put(ids.group(SUBSCRIPTION, "other"), {"location": WHERE})
    body = {
        "location": WHERE,
        "properties": {"ipConfigurations": [{"name": "one", "properties": {"subnet": {"id": f"{NET}/subnets/s0"}}}]},
    }
    other = ids.inside(ids.group(SUBSCRIPTION, "other"), "Microsoft.Network/networkInterfaces", "nic")
    visit.client("network").put(other, body)
    azure.control.settings(seconds={"*": 5})
    begun = visit.client("resource").delete(GROUP)
    azure.control.step(60)
    ended = visit.client("resource").operation(begun.operation)
    assert (ended.status, type(ended.error)) == ("Failed", Blocked)


def test_an_operation_that_nobody_knows(visit: AzureVisit) -> None:
    """Where ARM has forgotten an operation it is not found: the thing itself is to be looked at."""
    forgotten = f"{ids.subscription(SUBSCRIPTION)}/providers/Microsoft.Compute/locations/{WHERE}/operations/none"
    with pytest.raises(NotFound):
        visit.client("compute").operation(f"{sdk.endpoint()}{forgotten}?api-version=2024-03-02")


def test_a_link_that_leads_away(visit: AzureVisit) -> None:
    """A link to another host is not followed: the token would go along."""
    with pytest.raises(Broken, match="leads away"):
        visit.client("compute").operation("http://169.254.169.254/metadata")
    assert visit.calls == 0


@pytest.mark.parametrize("path", ["subscriptions/x", "/subscriptions/x/../y", "/subscriptions//x", ""])
def test_what_is_no_id(visit: AzureVisit, path: str) -> None:
    """A path that is none, or climbs out of its place, is refused before it leaves."""
    with pytest.raises(InvalidInput):
        visit.client("resource").get(path)
    assert visit.calls == 0


# --- whose it is -------------------------------------------------------------------------------------------------


def test_visits_do_not_mix(visit: AzureVisit) -> None:
    """Visits share clients, and each hears of its own requests only, whichever thread asks."""
    visit.client("compute").put(DISK, A_DISK)
    many = [open_visit(SCOPE) for _ in range(4)]
    together = threading.Barrier(len(many))

    def look(one: AzureVisit) -> None:
        together.wait(10)
        for _ in range(10):
            one.client("compute").get(DISK)

    with ThreadPoolExecutor(len(many)) as pool:
        list(pool.map(look, many))
    assert {one.calls for one in many} == {10}
    heard = [request for one in many for request in one.requests]
    assert len(heard) == len(set(heard)) == 40


def test_a_visit_in_several_threads(visit: AzureVisit) -> None:
    """One visit may be used by several threads, and counts what all of them ask."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: list(visit.client("compute").pages(DISKS)), range(20)))
    assert (visit.calls, len(visit.requests)) == (20, 20)
