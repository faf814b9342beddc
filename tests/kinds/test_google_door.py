"""The door to Google Cloud: plain JSON through the official clients, every request counted, and every error ours."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.providers.gcp import door, wire
from activities.providers.gcp.codes import operation_error
from holdfast.errors import (
    Blocked,
    Broken,
    HoldfastError,
    InUse,
    InvalidInput,
    NameTaken,
    NotAllowed,
    NotFound,
    Pending,
    QuotaExceeded,
    Throttled,
    Unavailable,
)
from holdfast.model import Scope
from tests.cloud import until
from tests.localcloud.google_parts import AT_ONCE, PROJECT, REGION, ZONE, LocalGcp

HERE = Scope("gcp", PROJECT, REGION)
OVERRIDES = ("COMPUTE", "CLOUDRESOURCEMANAGER", "IAM", "STORAGE")


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalGcp]:
    with LocalGcp(tmp_path_factory.mktemp("gcp")) as cloud:
        yield cloud


def lead(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """The environment of a worker whose Google Cloud is at an endpoint, and takes anonymous callers."""
    monkeypatch.setattr(door, "_principals", {})
    for api in OVERRIDES:
        monkeypatch.setenv(f"{door.OVERRIDE}{api}", f"{endpoint}/")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", endpoint)
    monkeypatch.setenv("CLOUDSDK_AUTH_DISABLE_CREDENTIALS", "true")


@pytest.fixture
def gcp(process: LocalGcp, monkeypatch: pytest.MonkeyPatch) -> LocalGcp:
    process.control.reset()
    lead(monkeypatch, process.endpoint)
    return process


@pytest.fixture
def visit(gcp: LocalGcp) -> door.GcpVisit:
    return door.open_visit(HERE)


def make(visit: door.GcpVisit, name: str = "net", **more: Any) -> Any:
    body = {"name": name, "autoCreateSubnetworks": False, **more}
    return visit.client("networks").insert(project=PROJECT, body=body)


def done(visit: door.GcpVisit, work: dict[str, Any], **where: str) -> dict[str, Any]:
    """A finished operation of Compute's."""
    service = "zone_operations" if where else "global_operations"

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = visit.client(service).get(project=PROJECT, operation=work["name"], **where)
        return found if found["status"] == "DONE" else None

    return until(look)


# --- a calm day ------------------------------------------------------------------------------------------------------


def test_the_life_of_a_network(visit: door.GcpVisit) -> None:
    """A network is made, looked at until it stands, listed and deleted, in the words of the REST reference."""
    networks = visit.client("networks")
    work = make(visit, description="ours", routingConfig={"routingMode": "GLOBAL"})
    assert (work["operationType"], work["targetLink"].rpartition("/")[2]) == ("insert", "net")
    finished = done(visit, work)
    assert operation_error(finished) is None
    found = networks.get(project=PROJECT, network="net")
    assert (found["name"], found["autoCreateSubnetworks"], found["description"]) == ("net", False, "ours")
    assert found["routingConfig"]["routingMode"] == "GLOBAL"
    assert found["selfLink"].endswith(f"/projects/{PROJECT}/global/networks/net")
    assert found["id"].isdigit()
    assert [n["name"] for n in networks.list(project=PROJECT, filter="name eq net")] == ["net"]
    done(visit, networks.delete(project=PROJECT, network="net", request_id=str(uuid.UUID(int=7))))
    with pytest.raises(NotFound):
        networks.get(project=PROJECT, network="net")


def test_the_life_of_a_disk(visit: door.GcpVisit) -> None:
    """A disk's size is a string, as in REST, its labels are changed by their fingerprint, and an int will do."""
    disks = visit.client("disks")
    at = {"project": PROJECT, "zone": ZONE}
    done(visit, disks.insert(**at, body={"name": "d", "sizeGb": 10, "labels": {"stack": "shop"}}), zone=ZONE)
    found = disks.get(**at, disk="d")
    assert (found["sizeGb"], found["labels"]) == ("10", {"stack": "shop"})
    labels = {"labels": {"stack": "farm"}, "labelFingerprint": found["labelFingerprint"]}
    done(visit, disks.set_labels(**at, resource="d", body=labels), zone=ZONE)
    assert disks.get(**at, disk="d")["labels"] == {"stack": "farm"}
    everywhere = {place: one for place, one in disks.aggregated_list(project=PROJECT) if "disks" in one}
    assert [d["name"] for d in everywhere[f"zones/{ZONE}"]["disks"]] == ["d"]
    done(visit, disks.delete(**at, disk="d"), zone=ZONE)
    assert list(disks.list(**at)) == []


def test_the_odd_names(visit: door.GcpVisit) -> None:
    """Fields that the SDK spells in a way of its own have the reference's names."""
    done(visit, make(visit))
    rule = {
        "name": "fw",
        "network": f"projects/{PROJECT}/global/networks/net",
        "allowed": [{"IPProtocol": "tcp", "ports": ["22"]}],
        "sourceRanges": ["10.0.0.0/8"],
    }
    done(visit, visit.client("firewalls").insert(project=PROJECT, body=rule))
    found = visit.client("firewalls").get(project=PROJECT, firewall="fw")
    assert found["allowed"] == rule["allowed"]


def test_the_life_of_a_service_account(visit: door.GcpVisit) -> None:
    """A service account is made, changed, listed, deleted and brought back."""
    iam, project = visit.client("iam"), f"projects/{PROJECT}"
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


def test_the_life_of_a_project(gcp: LocalGcp, visit: door.GcpVisit) -> None:
    """A project is made by an operation that another process can ask for by its name."""
    gcp.control.settings(manager_seconds=0)
    projects = visit.client("projects")
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


def test_the_life_of_a_bucket(visit: door.GcpVisit) -> None:
    """A bucket is made, changed under its metageneration, listed and deleted."""
    storage = visit.client("storage")
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


def test_a_page_is_a_request(gcp: LocalGcp, visit: door.GcpVisit) -> None:
    """Each page costs one request, made when it is needed, and none is made before the list is read."""
    gcp.control.settings(**AT_ONCE)
    for number in range(5):
        done(visit, make(visit, f"net-{number}"))
    other = door.open_visit(HERE)
    listed = other.client("networks").list(project=PROJECT, max_results=2, filter="name eq net-.*")
    assert other.calls == 0
    assert next(listed)["name"] == "net-0"
    assert other.calls == 1
    assert [n["name"] for n in listed] == ["net-1", "net-2", "net-3", "net-4"]
    assert (other.calls, other.answered, len(other.requests)) == (3, True, 3)
    for account in range(3):
        body = {"accountId": f"the-robot-{account}"}
        visit.client("iam").create_service_account(name=f"projects/{PROJECT}", body=body)
    third = door.open_visit(HERE)
    assert len(list(third.client("iam").list_service_accounts(name=f"projects/{PROJECT}", page_size=2))) == 3
    assert third.calls == 2


def test_a_lost_answer(gcp: LocalGcp, visit: door.GcpVisit) -> None:
    """A request whose answer was lost is one call that was not answered, and is not sent again by the SDK."""
    networks = visit.client("networks")
    gcp.control.lose_answer(action="networks.insert", count=1)
    with pytest.raises(Unavailable):
        make(visit)
    assert (visit.calls, visit.answered, visit.requests) == (1, False, ())
    assert len(gcp.control.executed("networks.insert")) == 1
    networks.get(project=PROJECT, network="net")
    assert (visit.calls, visit.answered, len(visit.requests)) == (2, True, 1)


@pytest.mark.parametrize(
    "action, ask",
    [
        ("serviceAccounts.insert", lambda v: v.client("iam").create_service_account(name="projects/p", body={})),
        ("projects.insert", lambda v: v.client("projects").create_project(body={"projectId": "a-project-9"})),
        ("buckets.insert", lambda v: v.client("storage").insert(project="p", body={"name": "a-bucket"})),
    ],
)
def test_a_lost_answer_anywhere(
    gcp: LocalGcp, visit: door.GcpVisit, action: str, ask: Callable[[door.GcpVisit], Any]
) -> None:
    """No service's client sends a request twice."""
    gcp.control.lose_request(action=action)
    with pytest.raises(Unavailable):
        ask(visit)
    assert (visit.calls, visit.answered) == (1, False)
    assert len(gcp.control.ledger()) == 1


def test_silence(gcp: LocalGcp, visit: door.GcpVisit, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that does not come within the deadline is not waited for."""
    visit.client("networks")
    monkeypatch.setattr(door, "ANSWER", 0.3)
    gcp.control.lose_answer(how="silence", action="networks.get", count=1)
    start = time.monotonic()
    with pytest.raises(Unavailable):
        visit.client("networks").get(project=PROJECT, network="net")
    assert time.monotonic() - start < 5
    assert (visit.calls, visit.answered) == (1, False)


def test_an_operation_is_a_request_id(visit: door.GcpVisit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an answer says no id of its request, the operation that it tells of stands for it."""
    monkeypatch.setattr(door, "IDS", ())
    work = make(visit)
    project = visit.client("projects").create_project(body={"projectId": "a-project-3"})
    assert visit.requests == (work["name"], project["name"])


def test_two_visits_at_once(gcp: LocalGcp) -> None:
    """Visits that share a client in several threads do not mix their calls and request ids."""
    visits = [door.open_visit(HERE) for _ in range(4)]
    visits[0].client("networks")
    start = threading.Barrier(len(visits))

    def stay(visit: door.GcpVisit, times: int) -> None:
        start.wait()
        for _ in range(times):
            list(visit.client("networks").list(project=PROJECT))

    threads = [threading.Thread(target=stay, args=(visit, 3 + n)) for n, visit in enumerate(visits)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [visit.calls for visit in visits] == [3, 4, 5, 6]
    found = [request for visit in visits for request in visit.requests]
    assert len(set(found)) == len(found) == 18


def test_two_lists_in_one_thread(gcp: LocalGcp, visit: door.GcpVisit) -> None:
    """Two lists that are read in turn are each their own visit's."""
    gcp.control.settings(**AT_ONCE)
    for number in range(3):
        done(visit, make(visit, f"net-{number}"))
    one, two = door.open_visit(HERE), door.open_visit(HERE)
    lists = [v.client("networks").list(project=PROJECT, max_results=1, filter="name eq net-.*") for v in (one, two)]
    assert [a["name"] == b["name"] for a, b in zip(*lists, strict=True)] == [True] * 3
    assert (one.calls, two.calls) == (3, 3)


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reason, status, error",
    [
        ("alreadyExists", 409, NameTaken),
        ("notFound", 404, NotFound),
        ("conditionNotMet", 412, Pending),
        ("resourceNotReady", 400, Pending),
        ("resourceInUseByAnotherResource", 400, Blocked),
        ("quotaExceeded", 403, QuotaExceeded),
        ("rateLimitExceeded", 403, Throttled),
        ("backendError", 503, Unavailable),
        ("forbidden", 403, NotAllowed),
        ("accessNotConfigured", 403, NotAllowed),
        ("invalid", 400, InvalidInput),
        ("never heard of", 400, InvalidInput),
    ],
)
def test_refused(gcp: LocalGcp, visit: door.GcpVisit, reason: str, status: int, error: type[HoldfastError]) -> None:
    """A refusal is ours by Google's own reason, with its words, and the id of the request."""
    gcp.control.refuse(reason, "no, not today", status, service="compute")
    with pytest.raises(error) as raised:
        make(visit)
    letter = raised.value.letter
    assert (type(raised.value), letter.code) == (error, reason)
    assert "networks.insert" in letter.happened
    assert "no, not today" in letter.happened
    assert letter.requests == visit.requests
    assert (visit.calls, visit.answered, len(visit.requests)) == (1, True, 1)


@pytest.mark.parametrize(
    "service, action, ask",
    [
        (
            "iam",
            "serviceAccounts.get",
            lambda v: v.client("iam").get_service_account(name="projects/p/serviceAccounts/x"),
        ),
        ("cloudresourcemanager", "projects.get", lambda v: v.client("projects").get_project(name="projects/p")),
        ("storage", "buckets.get", lambda v: v.client("storage").get(bucket="b")),
    ],
)
def test_throttled(
    gcp: LocalGcp, visit: door.GcpVisit, service: str, action: str, ask: Callable[[door.GcpVisit], Any]
) -> None:
    """A throttled request is asked again after what Google says, whichever service it is."""
    gcp.control.throttle(0.001, burst=0.001, service=service, action=action)
    with pytest.raises(Throttled) as raised:
        ask(visit)
    assert raised.value.after == timedelta(seconds=1)
    assert (visit.calls, visit.answered) == (1, True)


def test_a_taken_name(visit: door.GcpVisit) -> None:
    """A name that is taken is `NameTaken` in every service, and a full bucket is in use."""
    done(visit, make(visit))
    body = {"accountId": "the-robot"}
    visit.client("iam").create_service_account(name=f"projects/{PROJECT}", body=body)
    storage = visit.client("storage")
    storage.insert(project=PROJECT, body={"name": "a-bucket"})
    repeats: list[Callable[[], Any]] = [
        lambda: make(visit),
        lambda: visit.client("iam").create_service_account(name=f"projects/{PROJECT}", body=body),
        lambda: storage.insert(project=PROJECT, body={"name": "a-bucket"}),
    ]
    for again in repeats:
        with pytest.raises(NameTaken):
            again()


def test_a_full_bucket(gcp: LocalGcp, visit: door.GcpVisit) -> None:
    """A bucket with something in it is in use, and not a name that is taken."""
    storage = visit.client("storage")
    storage.insert(project=PROJECT, body={"name": "a-bucket"})
    assert gcp.ask("POST", "/upload/storage/v1/b/a-bucket/o?uploadType=media&name=x", {"a": 1}).status == 200
    with pytest.raises(InUse):
        storage.delete(bucket="a-bucket")


def test_a_network_in_use(visit: door.GcpVisit) -> None:
    """What something else still needs is blocked: that may be going away as well."""
    done(visit, make(visit))
    body = {"name": "s", "network": f"projects/{PROJECT}/global/networks/net", "ipCidrRange": "10.0.0.0/24"}
    visit.client("subnetworks").insert(project=PROJECT, region=REGION, body=body)
    until(lambda: [*visit.client("subnetworks").list(project=PROJECT, region=REGION)])

    def refused() -> HoldfastError | None:
        try:
            finished = done(visit, visit.client("networks").delete(project=PROJECT, network="net"))
        except Pending:  # the subnet is still being made
            return None
        except HoldfastError as error:
            return error
        return operation_error(finished)

    assert isinstance(until(refused), Blocked)


def test_a_full_project(gcp: LocalGcp, visit: door.GcpVisit) -> None:
    """An operation that failed for the quota says so, with Google's code."""
    gcp.control.settings(quotas={"projects": 0}, manager_seconds=0)
    projects = visit.client("projects")
    work = projects.create_project(body={"projectId": "a-project-2"})
    finished = until(lambda: found if (found := projects.get_operation(name=work["name"])).get("done") else None)
    error = operation_error(finished)
    assert isinstance(error, QuotaExceeded)


@pytest.mark.parametrize(
    "body, field",
    [
        ({"name": "n", "colour": "red"}, "colour"),
        ({"name": ["n"]}, "name"),
        ({"name": "n", "routingConfig": {"routing": "GLOBAL"}}, "routing"),
    ],
)
def test_a_field_that_is_not_there(visit: door.GcpVisit, body: dict[str, Any], field: str) -> None:
    """A field that Google does not have, or not of that type, is refused by name before anything is sent."""
    with pytest.raises(InvalidInput, match=field):
        visit.client("networks").insert(project=PROJECT, body=body)
    assert visit.calls == 0


def test_a_service_that_is_not_there(visit: door.GcpVisit) -> None:
    """A service or a method that the SDK does not have is a bug of ours, and said so."""
    with pytest.raises(Broken, match="nonsense"):
        visit.client("nonsense")
    for service in ("networks", "iam", "storage"):
        with pytest.raises(AttributeError, match="explode"):
            visit.client(service).explode(project=PROJECT)


# --- who may come in -------------------------------------------------------------------------------------------------


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint where nobody listens is unavailable, at once, and the request was not answered."""
    lead(monkeypatch, "http://127.0.0.1:1")
    visit = door.open_visit(HERE)
    start = time.monotonic()
    asks: list[Callable[[], Any]] = [
        lambda: make(visit),
        lambda: visit.client("projects").get_project(name="projects/p"),
        lambda: visit.client("iam").get_service_account(name="projects/p/serviceAccounts/x"),
        lambda: visit.client("storage").get(bucket="b"),
    ]
    for ask in asks:
        with pytest.raises(Unavailable, match="does not answer"):
            ask()
        assert not visit.answered
    assert visit.calls == 4
    assert time.monotonic() - start < 15


def test_an_endpoint_of_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not Google may say 404, or anything: nothing is taken for absent, and nothing for done."""
    answers = iter(["404 Not Found", "200 OK", "404 Not Found", "200 OK", "503 Unavailable"])

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(f"HTTP/1.0 {next(answers)}\r\nContent-Type: text/html\r\n\r\n<html>Hello!".encode())

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        lead(monkeypatch, f"http://127.0.0.1:{server.server_port}")
        visit = door.open_visit(HERE)
        for _ in range(2):
            with pytest.raises(Broken):
                visit.client("networks").get(project=PROJECT, network="net")
        for _ in range(2):
            with pytest.raises(Broken):
                visit.client("iam").get_service_account(name="projects/p/serviceAccounts/x")
        with pytest.raises(Unavailable, match="Hello"):
            visit.client("storage").get(bucket="b")
        assert visit.calls == 5
        server.shutdown()


def test_half_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that is cut off in its middle has not been heard."""

    class Half(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(b'HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\n{"name": "net"')

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Half) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        lead(monkeypatch, f"http://127.0.0.1:{server.server_port}")
        visit = door.open_visit(HERE)
        with pytest.raises(Unavailable):
            visit.client("networks").get(project=PROJECT, network="net")
        assert (visit.calls, visit.answered) == (1, False)
        server.shutdown()


def test_a_project_that_is_not_allowed(gcp: LocalGcp, visit: door.GcpVisit) -> None:
    """A project that the credentials do not reach is not allowed, with what to compare."""
    gcp.control.settings(denied=["compute:networks.*"])
    with pytest.raises(NotAllowed, match=r"compute\.networks\.get") as raised:
        visit.client("networks").get(project=PROJECT, network="net")
    assert "holdfast kinds" in raised.value.letter.next


def test_a_project_that_is_not_there(gcp: LocalGcp, visit: door.GcpVisit) -> None:
    """A project that is not there is not a thing that is gone: nothing may be taken for absent in it."""
    gcp.control.refuse("notFound", "The resource 'projects/no-such' was not found", 404, service="compute")
    with pytest.raises(NotAllowed, match="no-such") as raised:
        visit.client("networks").get(project="no-such", network="net")
    assert "scope" in raised.value.letter.next


def test_no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A worker without credentials is told so when the door is opened, by the scope."""
    lead(monkeypatch, "http://127.0.0.1:1")
    monkeypatch.delenv("CLOUDSDK_AUTH_DISABLE_CREDENTIALS")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(NotAllowed, match="gcp/a-project/us-central1"):
        door.open_visit(HERE)


@pytest.mark.parametrize("service", ["networks", "projects", "iam", "storage"])
def test_bad_credentials(gcp: LocalGcp, monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    """Credentials that Google does not take are not allowed, and those that nobody renews just now are asked again."""
    from google.auth.credentials import Credentials
    from google.auth.exceptions import RefreshError, TransportError

    class Worn(Credentials):  # type: ignore[misc]  # google-auth is not followed
        error: Exception = RefreshError("invalid_grant: Invalid JWT Signature.")

        def refresh(self, request: object) -> None:
            raise self.error

    worn = Worn()
    monkeypatch.setattr(door, "credentials", lambda _: worn)
    visit = door.open_visit(HERE)
    asks: dict[str, Callable[[], Any]] = {
        "networks": lambda: make(visit),
        "projects": lambda: visit.client("projects").get_project(name="projects/p"),
        "iam": lambda: visit.client("iam").get_service_account(name="projects/p/serviceAccounts/x"),
        "storage": lambda: visit.client("storage").get(bucket="b"),
    }
    ask = asks[service]
    monkeypatch.delenv("STORAGE_EMULATOR_HOST")  # whose callers are anonymous
    with pytest.raises(NotAllowed, match=r"gcp/a-project/us-central1.*invalid_grant"):
        ask()
    monkeypatch.setattr(Worn, "error", RefreshError("try later", retryable=True))
    with pytest.raises(Unavailable, match="tokens"):
        ask()
    monkeypatch.setattr(Worn, "error", TransportError("no route"))
    with pytest.raises(Unavailable, match="tokens"):
        ask()
    assert (visit.calls, visit.answered) == (0, True)


def test_not_let_in(gcp: LocalGcp, visit: door.GcpVisit) -> None:
    """Where Google asks who is there, an anonymous worker is not allowed, and nothing is sent again."""
    gcp.control.refuse("authError", status=401)
    asks: dict[str, Callable[[], Any]] = {
        "networks": lambda: make(visit),
        "storage": lambda: visit.client("storage").get(bucket="b"),
    }
    for service, ask in asks.items():
        with pytest.raises(NotAllowed, match=service):
            ask()
    assert (visit.calls, visit.answered) == (2, True)


def test_clients_are_made_once(gcp: LocalGcp, monkeypatch: pytest.MonkeyPatch) -> None:
    """Visits with the same credentials share their clients; others have their own."""
    from google.auth.credentials import AnonymousCredentials

    found = AnonymousCredentials()
    monkeypatch.setattr(door, "credentials", lambda _: found)
    first, second = door.open_visit(HERE), door.open_visit(HERE)
    assert first._principal.client("networks") is second._principal.client("networks")
    monkeypatch.setattr(door, "credentials", lambda _: AnonymousCredentials())
    third = door.open_visit(HERE)
    assert third._principal.client("networks") is not first._principal.client("networks")


def test_where_an_api_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Endpoints are Google's own, or what gcloud's users say, with or without the path of the API."""
    for api in OVERRIDES:
        monkeypatch.delenv(f"{door.OVERRIDE}{api}", raising=False)
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    assert [door.endpoint(api) for api in OVERRIDES] == [
        "https://compute.googleapis.com",
        "https://cloudresourcemanager.googleapis.com",
        "https://iam.googleapis.com",
        "",
    ]
    monkeypatch.setenv(f"{door.OVERRIDE}COMPUTE", "http://127.0.0.1:1/compute/v1/")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "127.0.0.1:2")
    assert door.endpoint("COMPUTE") == "http://127.0.0.1:1"
    assert door.endpoint("STORAGE") == "http://127.0.0.1:2"


def test_no_sdk_before_it_is_needed() -> None:
    """Whoever opens the door, and makes no request, waits for none of Google's SDKs."""
    code = (
        "import sys, json, activities.providers.gcp.door;"
        "named = ('google.auth', 'google.cloud.', 'google.api_core', 'grpc');"
        "print(json.dumps([m for m in sys.modules if m.startswith(named)]))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(said.stdout) == []


# --- the wire --------------------------------------------------------------------------------------------------------

words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)
names = st.from_regex(r"[a-z]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)


def bodies(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


def some(of: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(of, min_size=1, max_size=3)


FIREWALL = bodies(
    name=names,
    description=words,
    priority=st.integers(0, 65535),
    disabled=st.booleans(),
    direction=st.sampled_from(["INGRESS", "EGRESS"]),
    sourceRanges=some(st.just("10.0.0.0/8")),
    allowed=some(bodies(IPProtocol=st.sampled_from(["tcp", "udp"]), ports=some(st.just("22")))),
    logConfig=bodies(enable=st.booleans()),
)
DISK = bodies(
    name=names,
    sizeGb=st.integers(0, 2**63 - 1).map(str),
    labels=st.dictionaries(names, words, min_size=1, max_size=3),
    id=st.integers(0, 2**64 - 1).map(str),
    selfLink=words,
    physicalBlockSizeBytes=st.integers(0, 2**63 - 1).map(str),
)
INSTANCE = bodies(
    name=names,
    canIpForward=st.booleans(),
    deletionProtection=st.booleans(),
    networkInterfaces=some(
        bodies(
            network=words,
            networkIP=words,
            accessConfigs=some(bodies(natIP=words, name=words, type=st.just("ONE_TO_ONE_NAT"))),
        )
    ),
    metadata=bodies(fingerprint=words, items=some(bodies(key=names, value=words))),
    scheduling=bodies(automaticRestart=st.booleans(), onHostMaintenance=st.just("MIGRATE")),
)
OPERATION = bodies(
    name=names,
    status=st.sampled_from(["PENDING", "RUNNING", "DONE"]),
    progress=st.integers(0, 100),
    httpErrorStatusCode=st.just(400),
    error=bodies(errors=some(bodies(code=words, message=words))),
)


@pytest.mark.parametrize(
    "kind, shape",
    [("Firewall", FIREWALL), ("Disk", DISK), ("Instance", INSTANCE), ("Operation", OPERATION)],
    ids=["Firewall", "Disk", "Instance", "Operation"],
)
def test_there_and_back(kind: str, shape: st.SearchStrategy[dict[str, Any]]) -> None:
    """What is said in REST's JSON comes back from the SDK's message as it was, false and zero and nothing included."""
    from google.cloud import compute_v1

    @settings(max_examples=60, deadline=None)
    @given(said=shape)
    def law(said: dict[str, Any]) -> None:
        assert wire.shown(wire.message(getattr(compute_v1, kind), said)) == said

    law()


SERVICES = [
    *("projects", "folders", "networks", "subnetworks", "firewalls", "addresses", "global_addresses", "routes"),
    *("instances", "disks", "region_disks", "images", "snapshots", "instance_templates", "instance_group_managers"),
    *("global_operations", "region_operations", "zone_operations"),
]


@pytest.mark.parametrize("service", SERVICES)
def test_a_body_has_one_place(gcp: LocalGcp, visit: door.GcpVisit, service: str) -> None:
    """In no request of the SDK's is there a choice where a body goes, and what has pages is read by pages."""
    client = visit._principal.client(service).__class__
    for name, method in inspect.getmembers(client, inspect.isfunction):
        if name.startswith("_") or "request" not in inspect.signature(method).parameters:
            continue
        fields = wire._bare(wire._takes(client, name)).DESCRIPTOR.fields
        bodies = [f.name for f in fields if f.message_type is not None and f.message_type.full_name != wire.MASK]
        assert len(bodies) <= 1, name
        if any(f.name == "page_token" for f in fields):
            assert "Pager" in str(inspect.signature(method).return_annotation), name
