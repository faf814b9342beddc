"""One request is read at a time: what dialects read by is built as it is first needed, and no two may build it."""

from __future__ import annotations

import io
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from localcloud.aws import reading
from localcloud.core.asked import Asked, Environ
from localcloud.core.cloud import Cloud
from localcloud.core.gate import Gate
from localcloud.gcp.app import Gcp


class Slow(Gcp):
    """Counts who reads beside whom."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.reading = self.most = 0

    def read(self, environ: Environ, body: bytes) -> Asked:
        self.reading += 1
        self.most = max(self.most, self.reading)
        time.sleep(0.005)
        asked = super().read(environ, body)
        self.reading -= 1
        return asked


def _request(path: str, method: str = "GET") -> Environ:
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "CONTENT_LENGTH": "0",
        "HTTP_HOST": "localhost",
        "wsgi.input": io.BytesIO(),
        "wsgi.url_scheme": "http",
    }


def test_one_request_is_read_at_a_time() -> None:
    cloud = Cloud("gcp", 0)
    dialect = Slow(cloud)
    gate = Gate(cloud, dialect)
    together, said = threading.Barrier(8), list[str]()

    def ask(n: int) -> None:
        together.wait()
        gate(_request(f"/compute/v1/projects/p/global/networks/n{n}"), lambda status, _: said.append(status))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(ask, range(8)))
    assert [status[:3] for status in said] == ["404"] * 8
    assert dialect.most == 1


def test_a_failure_of_our_own_is_no_answer_about_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody foresaw must not tell a caller that AWS lacks an operation that it has."""

    def fails(*_: Any) -> Any:
        raise AttributeError("half built")

    asked = reading.read(_request("/a-bucket", "PUT"), b"")
    assert asked.action == "CreateBucket"
    monkeypatch.setattr(reading, "_operation", fails)
    with pytest.raises(AttributeError, match="half built"):
        reading.read(_request("/a-bucket", "PUT"), b"")


@pytest.mark.parametrize("method, path", [("PATCH", "/a-bucket"), ("BREW", "/")])
def test_what_aws_has_not_is_no_action(method: str, path: str) -> None:
    assert reading.read(_request(path, method), b"").action == ""
