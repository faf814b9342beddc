"""Who comes in at the door to Google Cloud: with which credentials, to which endpoint, and who answers there."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from activities.providers.gcp import door
from holdfast.errors import (
    Broken,
    HoldfastError,
    InvalidInput,
    NotAllowed,
    Unavailable,
)
from tests.kinds.google_visit import HERE, OVERRIDES, lead, make
from tests.kinds.pages import answering
from tests.localcloud.google_parts import PROJECT, LocalGcp


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint where nobody listens is unavailable, at once, and the request was not answered."""
    lead(monkeypatch, "http://127.0.0.1:1")
    visit = door.open_visit(HERE)
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


@pytest.mark.parametrize("service", ["networks", "projects", "iam", "storage"])
@pytest.mark.parametrize("host", ["http://10.0.0.9:8080", "http://google.test", "http://127.0.0.1.google.test"])
def test_an_endpoint_in_clear(monkeypatch: pytest.MonkeyPatch, service: str, host: str) -> None:
    """No token travels over plain http to another machine: the variable that says so is named, and nothing is sent."""
    lead(monkeypatch, host)
    visit = door.open_visit(HERE)
    with pytest.raises(InvalidInput, match=r"is http, and .* is not this machine"):
        visit.client(service)
    assert visit.calls == 0


@pytest.mark.parametrize("host", ["http://127.0.0.1:9", "http://localhost:9", "http://[::1]:9", "https://google.test"])
def test_an_endpoint_that_is_taken(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """A local cloud is reached over http, and any other place over https."""
    lead(monkeypatch, host)
    assert [door.endpoint(api) for api in ("COMPUTE", "IAM", "STORAGE")] == [host] * 3


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


# A change of each service that is asked over REST.
CHANGES: dict[str, Callable[[door.GcpVisit], Any]] = {
    "compute": make,
    "iam": lambda visit: visit.client("iam").create_service_account(name="projects/p", body={"accountId": "robot"}),
    "storage": lambda visit: visit.client("storage").insert(project="p", body={"name": "a-bucket"}),
}


@pytest.mark.parametrize("service", CHANGES)
def test_a_refusal_of_googles_own(gcp: LocalGcp, gcp_visit: door.GcpVisit, service: str) -> None:
    """Whichever service refuses a change, it has answered, and nothing can have come of it."""
    gcp.control.refuse("forbidden", status=403, service=service)
    with pytest.raises(NotAllowed):
        CHANGES[service](gcp_visit)
    assert (gcp_visit.calls, gcp_visit.answered, gcp_visit.untouched) == (1, True, True)


@pytest.mark.parametrize("status", [400, 403, 409, 502])
@pytest.mark.parametrize("service", CHANGES)
def test_a_page_is_no_refusal_of_googles(monkeypatch: pytest.MonkeyPatch, service: str, status: int) -> None:
    """A page comes from something on the way, which may have sent the request on: what it was for is looked for."""
    with answering(status) as page:
        lead(monkeypatch, page)
        visit = door.open_visit(HERE)
        with pytest.raises(HoldfastError):
            CHANGES[service](visit)
    assert (visit.calls, visit.answered, visit.untouched) == (1, False, False)


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


def test_a_project_that_is_not_allowed(gcp: LocalGcp, gcp_visit: door.GcpVisit) -> None:
    """A project that the credentials do not reach is not allowed, with what to compare."""
    gcp.control.settings(denied=["compute:networks.*"])
    with pytest.raises(NotAllowed, match=r"compute\.networks\.get") as raised:
        gcp_visit.client("networks").get(project=PROJECT, network="net")
    assert "holdfast kinds" in raised.value.letter.next


def test_a_project_that_is_not_there(gcp: LocalGcp, gcp_visit: door.GcpVisit) -> None:
    """A project that is not there is not a thing that is gone: nothing may be taken for absent in it."""
    gcp.control.refuse("notFound", "The resource 'projects/no-such' was not found", 404, service="compute")
    with pytest.raises(NotAllowed, match="no-such") as raised:
        gcp_visit.client("networks").get(project="no-such", network="net")
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


def test_not_let_in(gcp: LocalGcp, gcp_visit: door.GcpVisit) -> None:
    """Where Google asks who is there, an anonymous worker is not allowed, and nothing is sent again."""
    gcp.control.refuse("authError", status=401)
    asks: dict[str, Callable[[], Any]] = {
        "networks": lambda: make(gcp_visit),
        "storage": lambda: gcp_visit.client("storage").get(bucket="b"),
    }
    for service, ask in asks.items():
        with pytest.raises(NotAllowed, match=service):
            ask()
    assert (gcp_visit.calls, gcp_visit.answered) == (2, True)


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
