"""What Google refuses, at the door: every error is one of ours, with Google's own code and words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from activities.providers.gcp import door
from activities.providers.gcp.codes import operation_error
from holdfast.errors import (
    Blocked,
    Broken,
    HoldfastError,
    InUse,
    InvalidInput,
    NameTaken,
    NoAccount,
    NotAllowed,
    NotFound,
    Pending,
    QuotaExceeded,
    Throttled,
    Unavailable,
)
from holdfast.model import Scope
from tests.cloud import until
from tests.kinds.google_visit import HERE, done, make
from tests.localcloud.google_parts import PROJECT, REGION, LocalGcp


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
def test_refused(gcp: LocalGcp, gcp_visit: door.GcpVisit, reason: str, status: int, error: type[HoldfastError]) -> None:
    """A refusal is ours by Google's own reason, with its words, and the id of the request."""
    gcp.control.refuse(reason, "no, not today", status, service="compute")
    with pytest.raises(error) as raised:
        make(gcp_visit)
    letter = raised.value.letter
    assert (type(raised.value), letter.code) == (error, reason)
    assert "networks.insert" in letter.happened
    assert "no, not today" in letter.happened
    assert letter.requests == gcp_visit.requests
    assert (gcp_visit.calls, gcp_visit.answered, len(gcp_visit.requests)) == (1, True, 1)


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
    gcp: LocalGcp, gcp_visit: door.GcpVisit, service: str, action: str, ask: Callable[[door.GcpVisit], Any]
) -> None:
    """A throttled request is asked again after what Google says, whichever service it is."""
    gcp.control.throttle(0.001, burst=0.001, service=service, action=action)
    with pytest.raises(Throttled) as raised:
        ask(gcp_visit)
    assert raised.value.after == timedelta(seconds=1)
    assert (gcp_visit.calls, gcp_visit.answered) == (1, True)


def test_a_taken_name(gcp_visit: door.GcpVisit) -> None:
    """A name that is taken is `NameTaken` in every service, and a full bucket is in use."""
    done(gcp_visit, make(gcp_visit))
    body = {"accountId": "the-robot"}
    gcp_visit.client("iam").create_service_account(name=f"projects/{PROJECT}", body=body)
    storage = gcp_visit.client("storage")
    storage.insert(project=PROJECT, body={"name": "a-bucket"})
    repeats: list[Callable[[], Any]] = [
        lambda: make(gcp_visit),
        lambda: gcp_visit.client("iam").create_service_account(name=f"projects/{PROJECT}", body=body),
        lambda: storage.insert(project=PROJECT, body={"name": "a-bucket"}),
    ]
    for again in repeats:
        with pytest.raises(NameTaken):
            again()


def test_a_full_bucket(gcp: LocalGcp, gcp_visit: door.GcpVisit) -> None:
    """A bucket with something in it is in use, and not a name that is taken."""
    storage = gcp_visit.client("storage")
    storage.insert(project=PROJECT, body={"name": "a-bucket"})
    assert gcp.ask("POST", "/upload/storage/v1/b/a-bucket/o?uploadType=media&name=x", {"a": 1}).status == 200
    with pytest.raises(InUse):
        storage.delete(bucket="a-bucket")


def test_a_network_in_use(gcp_visit: door.GcpVisit) -> None:
    """What something else still needs is blocked: that may be going away as well."""
    done(gcp_visit, make(gcp_visit))
    body = {"name": "s", "network": f"projects/{PROJECT}/global/networks/net", "ipCidrRange": "10.0.0.0/24"}
    gcp_visit.client("subnetworks").insert(project=PROJECT, region=REGION, body=body)
    until(lambda: [*gcp_visit.client("subnetworks").list(project=PROJECT, region=REGION)])

    def refused() -> HoldfastError | None:
        try:
            finished = done(gcp_visit, gcp_visit.client("networks").delete(project=PROJECT, network="net"))
        except Pending:  # the subnet is still being made
            return None
        except HoldfastError as error:
            return error
        return operation_error(finished)

    assert isinstance(until(refused), Blocked)


def test_a_full_project(gcp: LocalGcp, gcp_visit: door.GcpVisit) -> None:
    """An operation that failed for the quota says so, with Google's code."""
    gcp.control.settings(quotas={"projects": 0}, manager_seconds=0)
    projects = gcp_visit.client("projects")
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
def test_a_field_that_is_not_there(gcp_visit: door.GcpVisit, body: dict[str, Any], field: str) -> None:
    """A field that Google does not have, or not of that type, is refused by name before anything is sent."""
    with pytest.raises(InvalidInput, match=field):
        gcp_visit.client("networks").insert(project=PROJECT, body=body)
    assert gcp_visit.calls == 0


def test_a_service_that_is_not_there(gcp_visit: door.GcpVisit) -> None:
    """A service or a method that the SDK does not have is a bug of ours, and said so."""
    with pytest.raises(Broken, match="nonsense"):
        gcp_visit.client("nonsense")
    for service in ("networks", "iam", "storage"):
        with pytest.raises(AttributeError, match="explode"):
            gcp_visit.client(service).explode(project=PROJECT)


def test_a_refusal_for_certain_in_a_project_that_is_not_there(gcp: LocalGcp) -> None:
    """Why it was refused Resource Manager says to a visit of its own: nothing can have come of what was asked."""
    visit = door.open_visit(Scope("gcp", "nobody-has-it", HERE.region))
    with pytest.raises(NoAccount):
        visit.client("networks").insert(project="nobody-has-it", body={"name": "net"})
    assert (visit.calls, visit.untouched) == (1, True)
