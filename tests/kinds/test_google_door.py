"""The door to Google Cloud: plain JSON through the official clients, and every request counted."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from activities.providers.gcp import door
from activities.providers.gcp.codes import operation_error
from holdfast.errors import (
    NotAllowed,
    NotFound,
    Pending,
    Unavailable,
)
from tests.cloud import until
from tests.kinds.google_visit import HERE, done, make
from tests.localcloud.google_parts import AT_ONCE, PROJECT, ZONE, LocalGcp

# --- a calm day ------------------------------------------------------------------------------------------------------


def test_the_life_of_a_network(gcp_visit: door.GcpVisit) -> None:
    """A network is made, looked at until it stands, listed and deleted, in the words of the REST reference."""
    networks = gcp_visit.client("networks")
    work = make(gcp_visit, description="ours", routingConfig={"routingMode": "GLOBAL"})
    assert (work["operationType"], work["targetLink"].rpartition("/")[2]) == ("insert", "net")
    finished = done(gcp_visit, work)
    assert operation_error(finished) is None
    found = networks.get(project=PROJECT, network="net")
    assert (found["name"], found["autoCreateSubnetworks"], found["description"]) == ("net", False, "ours")
    assert found["routingConfig"]["routingMode"] == "GLOBAL"
    assert found["selfLink"].endswith(f"/projects/{PROJECT}/global/networks/net")
    assert found["id"].isdigit()
    assert [n["name"] for n in networks.list(project=PROJECT, filter="name eq net")] == ["net"]
    done(gcp_visit, networks.delete(project=PROJECT, network="net", request_id=str(uuid.UUID(int=7))))
    with pytest.raises(NotFound):
        networks.get(project=PROJECT, network="net")


def test_the_life_of_a_disk(gcp_visit: door.GcpVisit) -> None:
    """A disk's size is a string, as in REST, its labels are changed by their fingerprint, and an int will do."""
    disks = gcp_visit.client("disks")
    at = {"project": PROJECT, "zone": ZONE}
    done(gcp_visit, disks.insert(**at, body={"name": "d", "sizeGb": 10, "labels": {"stack": "shop"}}), zone=ZONE)
    found = disks.get(**at, disk="d")
    assert (found["sizeGb"], found["labels"]) == ("10", {"stack": "shop"})
    labels = {"labels": {"stack": "farm"}, "labelFingerprint": found["labelFingerprint"]}
    done(gcp_visit, disks.set_labels(**at, resource="d", body=labels), zone=ZONE)
    assert disks.get(**at, disk="d")["labels"] == {"stack": "farm"}
    everywhere = {place: one for place, one in disks.aggregated_list(project=PROJECT) if "disks" in one}
    assert [d["name"] for d in everywhere[f"zones/{ZONE}"]["disks"]] == ["d"]
    done(gcp_visit, disks.delete(**at, disk="d"), zone=ZONE)
    assert list(disks.list(**at)) == []


def test_the_odd_names(gcp_visit: door.GcpVisit) -> None:
    """Fields that the SDK spells in a way of its own have the reference's names."""
    done(gcp_visit, make(gcp_visit))
    rule = {
        "name": "fw",
        "network": f"projects/{PROJECT}/global/networks/net",
        "allowed": [{"IPProtocol": "tcp", "ports": ["22"]}],
        "sourceRanges": ["10.0.0.0/8"],
    }
    done(gcp_visit, gcp_visit.client("firewalls").insert(project=PROJECT, body=rule))
    found = gcp_visit.client("firewalls").get(project=PROJECT, firewall="fw")
    assert found["allowed"] == rule["allowed"]


def test_the_life_of_a_service_account(gcp_visit: door.GcpVisit) -> None:
    """A service account is made, changed, listed, deleted and brought back."""
    iam, project = gcp_visit.client("iam"), f"projects/{PROJECT}"
    body = {"accountId": "the-robot", "serviceAccount": {"displayName": "Robot"}}
    made = iam.create_service_account(name=project, body=body)
    name = made["name"]
    assert made["email"] == f"the-robot@{PROJECT}.iam.gserviceaccount.com"
    change = {"serviceAccount": {"description": "ours"}, "updateMask": "description"}
    iam.patch_service_account(name=name, body=change)
    assert iam.get_service_account(name=name)["description"] == "ours"
    assert [a["email"] for a in iam.list_service_accounts(name=project)] == [made["email"]]
    policy = iam.get_iam_policy(resource=name)
    bound = {**policy, "bindings": [{"role": "roles/viewer", "members": ["user:a@example.com"]}]}
    assert iam.set_iam_policy(resource=name, body={"policy": bound})["bindings"] == bound["bindings"]
    assert iam.delete_service_account(name=name) == {}
    with pytest.raises(NotFound):
        iam.get_service_account(name=name)
    iam.undelete_service_account(name=f"{project}/serviceAccounts/{made['uniqueId']}", body={})
    assert iam.get_service_account(name=name)["uniqueId"] == made["uniqueId"]


def test_the_life_of_a_project(gcp: LocalGcp, gcp_visit: door.GcpVisit) -> None:
    """A project is made by an operation that another process can ask for by its name."""
    gcp.control.settings(manager_seconds=0)
    projects = gcp_visit.client("projects")
    body = {"projectId": "a-project-1", "parent": "organizations/1", "labels": {"stack": "shop"}}
    work = projects.create_project(body=body)
    finished = until(lambda: found if (found := projects.get_operation(name=work["name"])).get("done") else None)
    assert operation_error(finished) is None
    found = projects.get_project(name="projects/a-project-1")
    assert (found["state"], found["labels"], found["projectId"]) == ("ACTIVE", {"stack": "shop"}, "a-project-1")
    changed = {"name": found["name"], "displayName": "New"}
    projects.update_project(body=changed, update_mask="displayName")
    assert [p["displayName"] for p in projects.search_projects(query="id:a-project-1")] == ["New"]
    policy = {"bindings": [{"role": "roles/viewer", "members": ["user:a@example.com"]}]}
    assert projects.set_iam_policy(resource=found["name"], body={"policy": policy})["bindings"] == policy["bindings"]
    deleted = projects.delete_project(name=found["name"])
    assert deleted["done"]
    assert projects.get_project(name=found["name"])["state"] == "DELETE_REQUESTED"


def test_the_life_of_a_bucket(gcp_visit: door.GcpVisit) -> None:
    """A bucket is made, changed under its metageneration, listed and deleted."""
    storage = gcp_visit.client("storage")
    made = storage.insert(project=PROJECT, body={"name": "a-bucket", "location": "EUROPE-WEST1"})
    assert (made["name"], made["metageneration"]) == ("a-bucket", "1")
    storage.patch(bucket="a-bucket", body={"labels": {"stack": "shop"}}, if_metageneration_match=1)
    assert storage.get(bucket="a-bucket")["labels"] == {"stack": "shop"}
    with pytest.raises(Pending):
        storage.patch(bucket="a-bucket", body={"labels": {"stack": None}}, if_metageneration_match=1)
    assert [b["name"] for b in storage.list(project=PROJECT)] == ["a-bucket"]
    assert list(storage.list_objects(bucket="a-bucket", max_results=1)) == []
    assert storage.get_iam_policy(bucket="a-bucket")["bindings"]
    assert storage.delete(bucket="a-bucket") == {}
    with pytest.raises(NotFound):
        storage.get(bucket="a-bucket")


# --- what is counted -------------------------------------------------------------------------------------------------


def test_a_page_is_a_request(gcp: LocalGcp, gcp_visit: door.GcpVisit) -> None:
    """Each page costs one request, made when it is needed, and none is made before the list is read."""
    gcp.control.settings(**AT_ONCE)
    for number in range(5):
        done(gcp_visit, make(gcp_visit, f"net-{number}"))
    other = door.open_visit(HERE)
    listed = other.client("networks").list(project=PROJECT, max_results=2, filter="name eq net-.*")
    assert other.calls == 0
    assert next(listed)["name"] == "net-0"
    assert other.calls == 1
    assert [n["name"] for n in listed] == ["net-1", "net-2", "net-3", "net-4"]
    assert (other.calls, other.answered, len(other.requests)) == (3, True, 3)
    for account in range(3):
        body = {"accountId": f"the-robot-{account}"}
        gcp_visit.client("iam").create_service_account(name=f"projects/{PROJECT}", body=body)
    third = door.open_visit(HERE)
    assert len(list(third.client("iam").list_service_accounts(name=f"projects/{PROJECT}", page_size=2))) == 3
    assert third.calls == 2


def test_a_lost_answer(gcp: LocalGcp, gcp_visit: door.GcpVisit) -> None:
    """A request whose answer was lost is one call that was not answered, and is not sent again by the SDK."""
    networks = gcp_visit.client("networks")
    gcp.control.lose_answer(action="networks.insert", count=1)
    with pytest.raises(Unavailable):
        make(gcp_visit)
    assert (gcp_visit.calls, gcp_visit.answered, gcp_visit.requests, gcp_visit.untouched) == (1, False, (), False)
    assert len(gcp.control.executed("networks.insert")) == 1
    networks.get(project=PROJECT, network="net")
    assert (gcp_visit.calls, gcp_visit.answered, len(gcp_visit.requests)) == (2, True, 1)


def test_nothing_can_have_come_of_a_refusal(gcp: LocalGcp, gcp_visit: door.GcpVisit) -> None:
    """Until a change was taken: what was read before, or asked by POST only to be read, changes nothing."""
    gcp_visit.client("projects").get_iam_policy(resource=f"projects/{PROJECT}", body={})
    gcp.control.refuse("forbidden", "no", 403, action="networks.insert", count=1)
    with pytest.raises(NotAllowed):
        make(gcp_visit)
    assert (gcp_visit.calls, gcp_visit.untouched) == (2, True)
    make(gcp_visit)
    assert not gcp_visit.untouched


@pytest.mark.parametrize(
    "action, ask",
    [
        ("serviceAccounts.insert", lambda v: v.client("iam").create_service_account(name="projects/p", body={})),
        ("projects.insert", lambda v: v.client("projects").create_project(body={"projectId": "a-project-9"})),
        ("buckets.insert", lambda v: v.client("storage").insert(project="p", body={"name": "a-bucket"})),
    ],
)
def test_a_lost_answer_anywhere(
    gcp: LocalGcp, gcp_visit: door.GcpVisit, action: str, ask: Callable[[door.GcpVisit], Any]
) -> None:
    """No service's client sends a request twice."""
    gcp.control.lose_request(action=action)
    with pytest.raises(Unavailable):
        ask(gcp_visit)
    assert (gcp_visit.calls, gcp_visit.answered) == (1, False)
    assert len(gcp.control.ledger()) == 1


def test_silence(gcp: LocalGcp, gcp_visit: door.GcpVisit, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that does not come within the deadline is not waited for."""
    gcp_visit.client("networks")
    monkeypatch.setattr(door, "ANSWER", 0.3)
    gcp.control.lose_answer(how="silence", action="networks.get", count=1)
    with pytest.raises(Unavailable):
        gcp_visit.client("networks").get(project=PROJECT, network="net")
    assert (gcp_visit.calls, gcp_visit.answered) == (1, False)


def test_an_operation_is_a_request_id(gcp_visit: door.GcpVisit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an answer says no id of its request, the operation that it tells of stands for it."""
    monkeypatch.setattr(door, "IDS", ())
    work = make(gcp_visit)
    project = gcp_visit.client("projects").create_project(body={"projectId": "a-project-3"})
    assert gcp_visit.requests == (work["name"], project["name"])


def test_two_visits_at_once(gcp: LocalGcp) -> None:
    """Visits that share a client in several threads do not mix their calls and request ids."""
    visits = [door.open_visit(HERE) for _ in range(4)]
    visits[0].client("networks")
    start = threading.Barrier(len(visits))

    def stay(gcp_visit: door.GcpVisit, times: int) -> None:
        start.wait()
        for _ in range(times):
            list(gcp_visit.client("networks").list(project=PROJECT))

    threads = [threading.Thread(target=stay, args=(gcp_visit, 3 + n)) for n, gcp_visit in enumerate(visits)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [gcp_visit.calls for gcp_visit in visits] == [3, 4, 5, 6]
    found = [request for gcp_visit in visits for request in gcp_visit.requests]
    assert len(set(found)) == len(found) == 18


def test_two_lists_in_one_thread(gcp: LocalGcp, gcp_visit: door.GcpVisit) -> None:
    """Two lists that are read in turn are each their own gcp_visit's."""
    gcp.control.settings(**AT_ONCE)
    for number in range(3):
        done(gcp_visit, make(gcp_visit, f"net-{number}"))
    one, two = door.open_visit(HERE), door.open_visit(HERE)
    lists = [v.client("networks").list(project=PROJECT, max_results=1, filter="name eq net-.*") for v in (one, two)]
    assert [a["name"] == b["name"] for a, b in zip(*lists, strict=True)] == [True] * 3
    assert (one.calls, two.calls) == (3, 3)
