"""What the door hears over gRPC, from a server that may answer whatever a real one may."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.auth.credentials import Credentials
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2 as details
from google.rpc.status_pb2 import Status

from activities.providers.gcp import channel, door
from holdfast.errors import HoldfastError, InvalidInput, NameTaken, NotAllowed, Throttled, Unavailable
from tests.cloud import until
from tests.kinds.google_visit import HERE, lead
from tests.localcloud.google_parts import LocalGcp

Answers = Callable[[Any], bytes]
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, SETTINGS = 1, 4  # types of frames
DISABLED = details.ErrorInfo(
    reason="SERVICE_DISABLED",
    domain="googleapis.com",
    metadata={"service": "cloudresourcemanager.googleapis.com", "consumer": "projects/12"},
)


class Server(grpc.GenericRpcHandler):  # type: ignore[misc]  # gRPC ships no types
    """Answers every call with what a test says, and remembers what was sent beside it."""

    def __init__(self) -> None:
        self.answer: Answers = lambda _: b""
        self.asked: list[dict[str, Any]] = []
        self._server = grpc.server(futures.ThreadPoolExecutor(8))
        self._server.add_generic_rpc_handlers((self,))
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def service(self, handler_call_details: Any) -> Any:
        self.asked.append({"method": handler_call_details.method, **dict(handler_call_details.invocation_metadata)})
        return grpc.unary_unary_rpc_method_handler(lambda _, context: self.answer(context))

    def stop(self) -> None:
        self._server.stop(None).wait()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    made = Server()
    lead(monkeypatch, f"http://127.0.0.1:{made.port}")
    yield made
    made.stop()


@pytest.fixture
def visit(server: Server) -> door.GcpVisit:
    return door.open_visit(HERE)


def saying(code: grpc.StatusCode, words: str = "no", *beside: tuple[str, Any]) -> Answers:
    def answer(context: Any) -> bytes:
        context.set_trailing_metadata(beside)
        context.abort(code, words)
        return b""

    return answer


def detailed(code: grpc.StatusCode, *found: Any) -> Answers:
    packed = [Packed() for _ in found]
    for into, one in zip(packed, found, strict=True):
        into.Pack(one)
    said = Status(code=code.value[0], message="no", details=packed).SerializeToString()
    return saying(code, "no", (channel.DETAILS, said))


def frame(kind: int, content: bytes = b"", *, flags: int = 0, stream: bytes = bytes(4)) -> bytes:
    """Of HTTP/2. Source: RFC 9113, 4.1."""
    return len(content).to_bytes(3, "big") + bytes([kind, flags]) + stream + content


def get(visit: door.GcpVisit) -> Any:
    return visit.client("projects").get_project(name="projects/p")


def move(visit: door.GcpVisit) -> Any:
    return visit.client("projects").move_project(name="projects/p", body={"destinationParent": "folders/1"})


def refused(visit: door.GcpVisit, ask: Callable[[door.GcpVisit], Any] = move) -> HoldfastError:
    with pytest.raises(HoldfastError) as raised:
        ask(visit)
    return raised.value


def test_a_calm_call(server: Server, visit: door.GcpVisit) -> None:
    """A call is counted, answered, and says which request it was."""

    def answer(context: Any) -> bytes:
        context.send_initial_metadata((("x-goog-request-id", "r-1"),))
        return b""

    server.answer = answer
    assert get(visit) == {}
    assert (visit.calls, visit.answered, visit.requests, visit.untouched) == (1, True, ("r-1",), True)
    move(visit)
    assert (visit.calls, visit.untouched) == (2, False)
    assert [one["method"].rpartition("/")[2] for one in server.asked] == ["GetProject", "MoveProject"]


def test_a_refusal_with_details(server: Server, visit: door.GcpVisit) -> None:
    """What Google says beside a status is read as REST's JSON is: the reason decides, its facts are in the advice."""
    server.answer = detailed(grpc.StatusCode.PERMISSION_DENIED, DISABLED)
    error = refused(visit)
    assert isinstance(error, NotAllowed)
    assert error.letter.code == "SERVICE_DISABLED"
    assert "gcloud services enable cloudresourcemanager.googleapis.com --project 12" in error.letter.next
    assert (visit.answered, visit.untouched) == (True, True)


def test_a_refusal_that_says_when(server: Server, visit: door.GcpVisit) -> None:
    """A RetryInfo is waited for, whatever else stands beside it, also what no SDK of ours knows."""
    strange = Packed(type_url="type.googleapis.com/google.rpc.OfTomorrow", value=b"\x08\x01")
    wait = Packed()
    wait.Pack(details.RetryInfo(retry_delay=Duration(seconds=7, nanos=500_000_000)))
    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    said = Status(code=code.value[0], message="slow down", details=[strange, wait]).SerializeToString()
    server.answer = saying(code, "slow down", (channel.DETAILS, said))
    error = refused(visit)
    assert isinstance(error, Throttled)
    assert error.after == timedelta(seconds=7.5)


@pytest.mark.parametrize(
    "beside",
    [b"\xff\xff", Status(code=grpc.StatusCode.ALREADY_EXISTS.value[0], message="another").SerializeToString()],
    ids=["unreadable", "of another message"],
)
def test_details_that_do_not_fit(server: Server, visit: door.GcpVisit, beside: bytes) -> None:
    """Details that the SDK stumbles over do not hide the status."""
    server.answer = saying(grpc.StatusCode.ALREADY_EXISTS, "it is there", (channel.DETAILS, beside))
    error = refused(visit)
    assert isinstance(error, NameTaken)
    assert "it is there" in error.letter.happened
    assert (visit.answered, visit.untouched) == (True, True)


def test_an_answer_that_breaks_off(server: Server, visit: door.GcpVisit) -> None:
    """What was sent before the end says nothing of how it ended."""

    def answer(context: Any) -> bytes:
        context.send_initial_metadata((("x-goog-request-id", "r-1"),))
        context.cancel()
        return b""

    server.answer = answer
    assert isinstance(refused(visit), Unavailable)
    assert (visit.calls, visit.answered, visit.untouched) == (1, False, False)


@pytest.mark.parametrize("status", [401, 403, 404, 502])
def test_a_page_of_another(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """A page that something on the way sends is no answer of Google's: an act looks before it repeats."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        caller, _ = listener.accept()
        with caller, caller.makefile("rb") as said:
            said.read(len(PREFACE))
            caller.sendall(frame(SETTINGS))
            while head := said.read(9):
                kind, stream = head[3], head[5:]
                said.read(int.from_bytes(head[:3], "big"))
                if kind == SETTINGS and not head[4]:
                    caller.sendall(frame(SETTINGS, flags=1))
                if kind == HEADERS:  # HPACK: `:status`, and `content-type`, as literals
                    page = b"\x08\x03" + str(status).encode() + b"\x0f\x10\x09text/html"
                    caller.sendall(frame(HEADERS, page, flags=5, stream=stream))

    threading.Thread(target=serve, daemon=True).start()
    lead(monkeypatch, f"http://127.0.0.1:{listener.getsockname()[1]}")
    visit = door.open_visit(HERE)
    assert isinstance(refused(visit), Unavailable)
    assert (visit.calls, visit.answered, visit.untouched) == (1, False, False)
    listener.close()


@pytest.mark.parametrize("code", [c for c in grpc.StatusCode if c is not grpc.StatusCode.OK], ids=lambda c: str(c.name))
def test_only_the_cloud_is_heard(server: Server, visit: door.GcpVisit, code: grpc.StatusCode) -> None:
    """A status that gRPC's library makes up as well counts as an answer only where something came with it."""
    server.answer = saying(code, "no", ("server-timing", "1"))
    assert isinstance(refused(visit), HoldfastError)
    assert (visit.calls, visit.answered, visit.untouched) == (1, True, True)
    server.answer = saying(code)
    error = refused(visit)
    made_up = {"CANCELLED", "UNKNOWN", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "INTERNAL", "UNAVAILABLE"}
    assert visit.answered is (code.name not in made_up)
    assert visit.answered or isinstance(error, Unavailable)
    assert len(server.asked) == 2


def test_nothing_is_sent_twice(server: Server, visit: door.GcpVisit) -> None:
    """A call that the library believes no server has seen is not sent again by itself."""
    server.answer = saying(grpc.StatusCode.UNAVAILABLE)
    assert isinstance(refused(visit), Unavailable)
    server.stop()
    error = refused(visit)
    assert isinstance(error, Unavailable)
    assert "does not answer projects.move_project" in error.letter.happened
    assert (visit.calls, visit.answered, len(server.asked)) == (2, False, 1)


def test_a_deadline(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A silent server is waited for as long as the door says, and not as long as the SDK would."""
    monkeypatch.setattr(door, "ANSWER", 0.5)
    visit, ended = door.open_visit(HERE), threading.Event()

    def silent(context: Any) -> bytes:
        context.add_callback(ended.set)
        ended.wait(30)
        return b""

    server.answer = silent
    error = refused(visit)
    assert isinstance(error, Unavailable)
    assert (visit.calls, visit.answered) == (1, False)
    assert ended.wait(10)


def test_a_cloud_that_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the cloud was away the next calls reach it within seconds: no backoff of the channel's holds them up."""
    with LocalGcp(tmp_path, state=True) as cloud:
        lead(monkeypatch, cloud.endpoint)
        visit = door.open_visit(HERE)
        name = {"name": f"projects/{HERE.account}"}
        assert visit.client("projects").get_project(**name)["state"] == "ACTIVE"
        cloud.stop(kill=True)
        for _ in range(3):
            with pytest.raises(Unavailable):
                visit.client("projects").get_project(**name)
        cloud.start()

        def back() -> Any:
            try:
                return visit.client("projects").get_project(**name)
            except Unavailable:
                return None

        assert until(back)["state"] == "ACTIVE"


# --- tokens ----------------------------------------------------------------------------------------------------------


class Minted(Credentials):  # type: ignore[misc]  # google-auth ships types that are not followed here
    """A token that is another one after each refresh."""

    def __init__(self) -> None:
        super().__init__()
        self.minted = 0
        self.token: str | None = "token-0"

    def refresh(self, request: Any) -> None:
        self.minted += 1
        self.token = f"token-{self.minted}"


@pytest.fixture
def minted(server: Server, monkeypatch: pytest.MonkeyPatch) -> Minted:
    made = Minted()
    monkeypatch.setattr(door, "credentials", lambda _: made)
    return made


def test_a_token_travels_with_each_call(server: Server, minted: Minted) -> None:
    """Each call has the token that google-auth gives."""
    visit = door.open_visit(HERE)
    get(visit)
    minted.token = "token-of-tomorrow"
    get(visit)
    assert [one["authorization"] for one in server.asked] == ["Bearer token-0", "Bearer token-of-tomorrow"]


def test_a_token_that_is_no_longer_taken(server: Server, minted: Minted) -> None:
    """A token that was withdrawn is renewed, once; what is refused after that is a letter about credentials."""
    taken = "Bearer token-1"

    def answer(context: Any) -> bytes:
        if dict(context.invocation_metadata())["authorization"] != taken:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "Request had invalid authentication credentials.")
        return b""

    server.answer = answer
    visit = door.open_visit(HERE)
    assert get(visit) == {}
    assert (visit.calls, visit.answered, minted.minted) == (2, True, 1)
    taken = "Bearer another"
    error = refused(visit, get)
    assert isinstance(error, NotAllowed)
    assert "renew the worker's credentials" in error.letter.next
    assert (visit.calls, minted.minted) == (4, 2)


def test_a_token_that_cannot_be_sent(server: Server, minted: Minted) -> None:
    """A token with a line break in it is said to be none, without it, and is not tried for days."""
    minted.token = "token\nof two lines"
    visit = door.open_visit(HERE)
    error = refused(visit)
    assert isinstance(error, NotAllowed)
    assert "of two lines" not in str(error)
    assert (visit.calls, server.asked) == (0, [])


def test_no_token_is_to_be_had(server: Server, minted: Minted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who mints tokens does not answer: nothing was sent, and the letter says so."""
    from google.auth.exceptions import TransportError

    def fails(_: Any, request: Any) -> None:
        raise TransportError("nobody there")

    monkeypatch.setattr(Minted, "refresh", fails)
    minted.token = None
    visit = door.open_visit(HERE)
    error = refused(visit)
    assert isinstance(error, Unavailable)
    assert "projects.move_project was not sent" in error.letter.happened
    assert (visit.calls, server.asked) == (0, [])


def test_a_stranger_in_the_middle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Over https nobody is spoken to whose certificate is not trusted, and no token travels; who is trusted, as the
    environment names a bundle, is.
    """
    from localcloud.core import certificate

    own, key = certificate.make(tmp_path)
    secret = grpc.ssl_server_credentials([(key.read_bytes(), own.read_bytes())])
    handler = Server.__new__(Server)
    handler.answer, handler.asked = lambda _: b"", []
    server = grpc.server(futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((handler,))
    port = server.add_secure_port("127.0.0.1:0", secret)
    server.start()
    try:
        lead(monkeypatch, f"https://localhost:{port}")
        monkeypatch.delenv("CLOUDSDK_AUTH_DISABLE_CREDENTIALS")
        monkeypatch.delenv("STORAGE_EMULATOR_HOST")
        monkeypatch.setattr(door, "credentials", lambda _: Minted())
        for name in channel.AUTHORITIES:
            monkeypatch.delenv(name, raising=False)
        assert isinstance(refused(door.open_visit(HERE), get), Unavailable)
        assert handler.asked == []
        monkeypatch.setattr(door, "_principals", {})
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(own))
        assert get(door.open_visit(HERE)) == {}
        assert handler.asked[0]["authorization"] == "Bearer token-0"
    finally:
        server.stop(None).wait()


# --- on the way ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "variables", [{"HTTPS_PROXY": "it"}, {"https_proxy": "it"}, {"HTTPS_PROXY": "it", "no_proxy": "*"}]
)
def test_the_proxy_is_that_of_the_other_services(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    """Whichever variable names a proxy, and whichever excepts a host: Resource Manager goes as IAM does."""
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy", "grpc_proxy", "no_grpc_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(door, "_principals", {})
    monkeypatch.setattr(door, "ANSWER", 3.0)
    monkeypatch.setattr(door, "credentials", lambda _: Minted())
    for api in ("CLOUDRESOURCEMANAGER", "IAM"):
        monkeypatch.setenv(f"{door.OVERRIDE}{api}", f"https://{api.lower()}.invalid")
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as proxy:

        def serve() -> None:
            while True:
                try:
                    caller, _ = proxy.accept()
                except OSError:
                    return
                with caller:
                    asked.append(caller.recv(200).split()[1].decode())
                    caller.sendall(b"HTTP/1.1 502 no\r\nContent-Length: 0\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        for name, value in variables.items():
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}" if value == "it" else value)
        visit = door.open_visit(HERE)
        assert isinstance(refused(visit, get), Unavailable)
        assert isinstance(
            refused(visit, lambda v: v.client("iam").get_service_account(name="projects/p/a")), Unavailable
        )
    both = {"cloudresourcemanager.invalid:443", "iam.invalid:443"}
    assert set(asked) == (set() if "no_proxy" in variables else both)


def test_an_address_with_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """A channel knows hosts alone: a token does not go to the head of a host whose path was meant."""
    lead(monkeypatch, "http://127.0.0.1:1/a/gateway")
    error = refused(door.open_visit(HERE), get)
    assert isinstance(error, InvalidInput)
    assert "a/gateway" in error.letter.happened


def test_what_closes_is_no_news(server: Server) -> None:
    """A worker's log is not written to by gRPC, whichever SDK imports it first."""
    code = f"""
import os, threading, time
import activities.providers.gcp.door
import google.cloud.compute_v1, grpc
call = grpc.insecure_channel("127.0.0.1:{server.port}").unary_unary("/a/B")
call(b"", timeout=10)
print("asked", flush=True)
input()
try:
    call(b"", timeout=5)
except grpc.RpcError as error:
    print(error.code().name)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "asked\n"
        server.stop()
        out, err = child.communicate("go on\n", timeout=30)
    assert (out, err) == ("UNAVAILABLE\n", "")
