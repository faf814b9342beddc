"""Faults, ledger and state of the local Google Cloud: the same strings as the local AWS hangs on."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.localcloud.google_parts import AT_ONCE, PROJECT, LocalGcp

NETWORKS = f"/compute/v1/projects/{PROJECT}/global/networks"
KEY = str(uuid.UUID(int=1))


def make(gcp: LocalGcp, name: str = "net", query: str = "") -> Any:
    return gcp.ask("POST", NETWORKS + query, {"name": name, "autoCreateSubnetworks": False})


def test_a_lost_answer(gcp: LocalGcp) -> None:
    """A network whose answer was lost stands; asked for again with its request id, it is not made twice."""
    gcp.control.lose_answer(service="compute", action="networks.insert", count=1)
    with pytest.raises(ConnectionError):
        make(gcp, query=f"?requestId={KEY}")
    again = make(gcp, query=f"?requestId={KEY}")
    assert again.status == 200
    entries = gcp.control.executed("networks.insert")
    assert [(e.told, e.made, e.token) for e in entries] == [
        ("lost", [f"projects/{PROJECT}/global/networks/net"], KEY),
        ("answered", [], KEY),
    ]


def test_the_ledger(gcp: LocalGcp) -> None:
    """The ledger has every change, refused or not, with its labels and what it was about, and no read."""
    gcp.control.settings(**AT_ONCE)
    disks = f"/compute/v1/projects/{PROJECT}/zones/us-central1-a/disks"
    gcp.ask("POST", disks, {"name": "d", "labels": {"stack": "shop"}})
    gcp.ask("GET", f"{disks}/d")
    gcp.ask("DELETE", f"{disks}/d")
    gcp.ask("DELETE", f"{disks}/d")
    path = f"projects/{PROJECT}/zones/us-central1-a/disks/d"
    found = [(e.service, e.action, e.outcome, e.code, e.made, e.touched) for e in gcp.control.ledger()]
    assert found == [
        ("compute", "disks.insert", "executed", "", [path], []),
        ("compute", "disks.delete", "executed", "", [], [path]),
        ("compute", "disks.delete", "refused", "notFound", [], []),
    ]
    first = gcp.control.ledger()[0]
    assert (first.account, first.region, first.tags) == (PROJECT, "us-central1-a", {"stack": "shop"})


def test_refused_on_demand(gcp: LocalGcp) -> None:
    """An error on demand has the envelope of its service."""
    gcp.control.refuse("backendError", status=503, service="compute", count=1)
    said = make(gcp)
    assert (said.status, said.headers["Retry-After"]) == (503, "1")
    assert said.body["error"]["errors"][0]["reason"] == "backendError"
    gcp.control.refuse("UNAVAILABLE", status=503, service="cloudresourcemanager", count=1)
    said = gcp.ask("GET", "/v3/projects/a-project")
    assert said.body == {"error": {"code": 503, "message": "refused on demand", "status": "UNAVAILABLE"}}


def test_late_and_held(gcp: LocalGcp) -> None:
    """A request can be executed after its caller has gone."""
    gcp.control.late_commit(60, action="networks.insert")
    with pytest.raises(ConnectionError):
        make(gcp)
    assert gcp.ask("GET", f"{NETWORKS}/net").status == 404
    gcp.control.step(61)
    while gcp.control.late():
        pass
    assert gcp.ask("GET", f"{NETWORKS}/net").status == 200


def test_denied(gcp: LocalGcp) -> None:
    """What is denied is refused with 403."""
    gcp.control.settings(denied=["compute:networks.*"])
    assert make(gcp).status == 403


def test_what_it_does_not_have(gcp: LocalGcp) -> None:
    """A service or a method that is not there is refused with 404, not with a fall."""
    assert gcp.ask("GET", "/compute/v1/projects/p/global/sslCertificates/x").status == 404
    assert gcp.ask("POST", f"{NETWORKS}/default/explode").status == 404
    assert gcp.ask("GET", "/v1/nonsense").status == 404
    assert gcp.ask("PATCH", "/compute/v1/projects/p/zones/us-central1-a/instances/x", {}).status == 404


def test_a_world_that_is_kept(tmp_path: Path) -> None:
    """What stood when the process was stopped stands when it starts again, and an operation goes on."""
    with LocalGcp(tmp_path, state=True) as gcp:
        gcp.control.settings(operation_seconds=1000)
        operation = make(gcp).body["name"]
        gcp.ask("POST", "/storage/v1/b?project=p", {"name": "a-bucket"})
        gcp.ask("POST", "/v3/projects", {"projectId": "some-project"})
        gcp.control.step(1)
        before = gcp.control.world()
        assert {"compute", "manager", "accounts", "buckets", "policies"} == set(before)
        gcp.stop()
        gcp.start()
        assert gcp.control.world() == before
        path = f"/compute/v1/projects/{PROJECT}/global/operations/{operation}"
        assert gcp.ask("GET", path).body["status"] == "RUNNING"
        gcp.control.step(1000)
        assert gcp.ask("GET", path).body["status"] == "DONE"


def test_one_seed_is_one_run(tmp_path: Path, gcp: LocalGcp) -> None:
    """Two clouds with one seed give the same ids."""
    (tmp_path / "two").mkdir()
    with LocalGcp(tmp_path / "two") as other:
        assert make(gcp).body["id"] == make(other).body["id"]
