"""Resource Manager over gRPC: one cloud behind both wires, on the same strings; what is lost is heard of by nobody."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.cloud import resourcemanager_v3 as r
from google.protobuf.json_format import MessageToDict
from google.rpc import error_details_pb2

from tests.cloud import until
from tests.localcloud.google_parts import PROJECT, LocalGcp, manager

NAME = "a-project-1"


@pytest.fixture
def projects(gcp: LocalGcp) -> Iterator[Any]:
    with manager(gcp, r.ProjectsClient) as client:
        yield client


def make(client: Any, name: str = NAME, timeout: float = 10) -> Any:
    return client.create_project(project=r.Project(project_id=name), retry=None, timeout=timeout)


def outcomes(gcp: LocalGcp) -> list[tuple[str, str, str]]:
    return [(e.action, e.outcome, e.told) for e in gcp.control.ledger()]


def test_both_wires_have_one_cloud(gcp: LocalGcp, projects: Any) -> None:
    """What is made over gRPC shows over REST, field by field, and stands in one ledger under the same name."""
    gcp.control.settings(manager_seconds=0)
    body = {"project_id": NAME, "display_name": "A", "labels": {"stack": "shop"}, "parent": "folders/7"}
    work = projects.create_project(project=r.Project(**body), retry=None).operation
    assert projects.get_operation({"name": work.name}).done
    shown = projects.get_project(name=f"projects/{NAME}", retry=None)
    assert MessageToDict(r.Project.pb(shown)) == gcp.ask("GET", f"/v3/projects/{NAME}").body
    (entry,) = gcp.control.ledger()
    assert (entry.service, entry.action, entry.account) == ("cloudresourcemanager", "projects.insert", NAME)
    assert (entry.tags, entry.made, entry.status) == ({"stack": "shop"}, [shown.name], 200)
    assert {k: entry.parameters["body"][k] for k in ("projectId", "parent")} == {
        "projectId": NAME,
        "parent": "folders/7",
    }


def test_pages(gcp: LocalGcp, projects: Any) -> None:
    """A search is read by pages, each by a call."""
    gcp.control.settings(manager_seconds=0, projects=[])
    for number in range(5):
        make(projects, f"a-project-{number}")
    found = projects.search_projects(request={"page_size": 2}, retry=None)
    assert [len(page.projects) for page in found.pages] == [2, 2, 1]


@pytest.mark.parametrize(
    "code, status, raised",
    [
        ("ABORTED", 409, exceptions.Aborted),
        ("FAILED_PRECONDITION", 400, exceptions.FailedPrecondition),
        ("PERMISSION_DENIED", 403, exceptions.PermissionDenied),
        ("UNAVAILABLE", 503, exceptions.ServiceUnavailable),
    ],
)
def test_refused_on_demand(
    gcp: LocalGcp, projects: Any, code: str, status: int, raised: type[exceptions.GoogleAPICallError]
) -> None:
    """An error on demand is a status of gRPC's, with the words, and with the id of the request beside it."""
    gcp.control.refuse(code, "no, not today", status, service="cloudresourcemanager")
    with pytest.raises(raised, match="no, not today") as refused:
        make(projects)
    assert dict(refused.value.response.trailing_metadata())["x-request-id"] == gcp.control.ledger()[0].request_id
    assert outcomes(gcp) == [("projects.insert", "faulted", "answered")]


def test_a_reason_that_is_no_status(gcp: LocalGcp, projects: Any) -> None:
    """A reason that is none of gRPC's codes stands in the details, under the code that its HTTP status has."""
    gcp.control.refuse("SERVICE_DISABLED", status=403, service="cloudresourcemanager")
    with pytest.raises(exceptions.PermissionDenied) as refused:
        make(projects)
    assert refused.value.reason == "SERVICE_DISABLED"


def test_throttled(gcp: LocalGcp, projects: Any) -> None:
    """A throttled call says when to come again."""
    gcp.control.throttle(0.001, burst=0.001, service="cloudresourcemanager")
    with pytest.raises(exceptions.ResourceExhausted) as refused:
        projects.get_project(name=f"projects/{PROJECT}", retry=None)
    (detail,) = refused.value.details
    assert isinstance(detail, error_details_pb2.RetryInfo)
    assert detail.retry_delay.seconds == 1


@pytest.mark.parametrize("how, raised", [("drop", exceptions.Cancelled), ("silence", exceptions.DeadlineExceeded)])
@pytest.mark.parametrize("lost", ["lose_answer", "lose_request"])
def test_nothing_is_heard(
    gcp: LocalGcp, projects: Any, how: str, lost: str, raised: type[exceptions.GoogleAPICallError]
) -> None:
    """A lost call is heard of by nobody, and others on its connection go on; what was executed stands."""
    gcp.control.settings(manager_seconds=0)
    getattr(gcp.control, lost)(how=how, action="projects.insert", count=1)
    ended = threading.Event()

    def other() -> None:
        while not ended.is_set():
            projects.get_project(name=f"projects/{PROJECT}", retry=None, timeout=10)

    beside = threading.Thread(target=other)
    beside.start()
    try:
        with pytest.raises(raised) as refused:
            make(projects, timeout=1)
    finally:
        ended.set()
        beside.join()
    assert not refused.value.response.trailing_metadata()
    executed = lost == "lose_answer"
    assert outcomes(gcp) == [("projects.insert", "executed" if executed else "dropped", "lost")]
    assert (gcp.ask("GET", f"/v3/projects/{NAME}").status == 200) is executed


def test_late(gcp: LocalGcp, projects: Any) -> None:
    """A call can be executed after its caller has gone."""
    gcp.control.late_commit(60, action="projects.insert")
    with pytest.raises(exceptions.Cancelled):
        make(projects)
    assert outcomes(gcp) == []
    gcp.control.step(61)
    until(lambda: outcomes(gcp) == [("projects.insert", "executed", "lost")])


def test_held(gcp: LocalGcp, projects: Any) -> None:
    """A call that is held is answered when it is released."""
    gcp.control.fault("hold", action="projects.insert", count=1)
    answers: list[Any] = []
    caller = threading.Thread(target=lambda: answers.append(make(projects, timeout=30)))
    caller.start()
    until(lambda: gcp.control.ask("GET", "held"))
    assert answers == []
    gcp.control.ask("POST", "held/all/release", {})
    caller.join()
    assert answers[0].operation.name.startswith("operations/cp.")


@pytest.mark.parametrize("cut", [1, 2, 4, 20])
def test_a_request_that_comes_in_pieces(gcp: LocalGcp, cut: int) -> None:
    """A POST and a call of gRPC's begin with the same letter; neither is taken for the other."""
    request = f"POST /v3/projects/{PROJECT}:getIamPolicy HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
    with socket.create_connection(("127.0.0.1", gcp.port)) as caller:
        caller.sendall(request[:cut].encode())
        time.sleep(0.05)
        caller.sendall(request[cut:].encode())
        assert caller.recv(15).startswith(b"HTTP/1.1 200")


def test_what_nobody_knows(gcp: LocalGcp) -> None:
    """A method that there is not is UNIMPLEMENTED."""
    with grpc.insecure_channel(f"127.0.0.1:{gcp.port}") as channel:
        call: Callable[..., Any] = channel.unary_unary("/google.cloud.resourcemanager.v3.Projects/Fly")
        with pytest.raises(grpc.RpcError) as refused:
            call(b"", timeout=10)
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_killed(tmp_path: Path) -> None:
    """When the cloud is killed a call that waits is heard of by nobody."""
    with LocalGcp(tmp_path) as cloud, manager(cloud, r.ProjectsClient) as client:
        cloud.control.fault("hold", action="projects.insert", seconds=60)
        raised: list[Exception] = []

        def call() -> None:
            try:
                make(client, timeout=30)
            except exceptions.GoogleAPICallError as error:
                raised.append(error)

        caller = threading.Thread(target=call)
        caller.start()
        until(lambda: cloud.control.ask("GET", "held"))
        cloud.stop(kill=True)
        caller.join()
    assert isinstance(raised[0], exceptions.ServiceUnavailable)
