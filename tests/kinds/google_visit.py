"""The local Google Cloud as a door finds it, and a network in it, for the tests of the door."""

from __future__ import annotations

from typing import Any

import pytest

from activities.providers.gcp import door
from holdfast.model import Scope
from tests.cloud import until
from tests.localcloud.google_parts import PROJECT, REGION, LocalGcp

HERE = Scope("gcp", PROJECT, REGION)
_kept: dict[Any, Any] = {}  # of the door: whoever may call the local cloud, and the clients that are made once
OVERRIDES = ("COMPUTE", "CLOUDRESOURCEMANAGER", "IAM", "STORAGE")


def lead(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """The environment of a worker whose Google Cloud is at an endpoint, and takes anonymous callers."""
    monkeypatch.setattr(door, "_principals", {})
    for api in OVERRIDES:
        monkeypatch.setenv(f"{door.OVERRIDE}{api}", f"{endpoint}/")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", endpoint)
    monkeypatch.setenv("CLOUDSDK_AUTH_DISABLE_CREDENTIALS", "true")


def led(cloud: LocalGcp, monkeypatch: pytest.MonkeyPatch) -> LocalGcp:
    """A local cloud with nothing in it, to which the door leads. Its clients are kept for the tests after this one."""
    cloud.control.reset()
    lead(monkeypatch, cloud.endpoint)
    monkeypatch.setattr(door, "_principals", _kept)
    return cloud


def visited() -> door.GcpVisit:
    """A visit that has asked nothing yet."""
    return door.open_visit(HERE)


def make(visit: door.GcpVisit, name: str = "net", **more: Any) -> Any:
    """The operation that makes a network."""
    body = {"name": name, "autoCreateSubnetworks": False, **more}
    return visit.client("networks").insert(project=PROJECT, body=body)


def done(visit: door.GcpVisit, work: dict[str, Any], **where: str) -> dict[str, Any]:
    """A finished operation of Compute's."""
    service = "zone_operations" if where else "global_operations"

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = visit.client(service).get(project=PROJECT, operation=work["name"], **where)
        return found if found["status"] == "DONE" else None

    return until(look)
