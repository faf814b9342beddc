"""The local Google Cloud for tests: its process, its official SDK clients, and requests by hand."""

from __future__ import annotations

import importlib
import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starter.testing.gcp import PROJECT, REGION
from tests.cloud import LocalAws, until

__all__ = ["AT_ONCE", "PROJECT", "REGION", "ZONE", "LocalGcp", "Said", "manager"]

ZONE = "us-central1-a"
AT_ONCE = {"operation_seconds": 0.0}
OPERATIONS = {"global": "GlobalOperations", "regions": "RegionOperations", "zones": "ZoneOperations"}


@dataclass(frozen=True, slots=True)
class Said:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: Any


class LocalGcp(LocalAws):
    """The local Google Cloud as a process of its own. Anonymous callers may do everything."""

    called = "gcp"

    def __init__(self, directory: Path, *, seed: int = 0, state: bool = False) -> None:
        super().__init__(directory, seed=seed, state=state)
        self._compute: dict[str, Any] = {}

    def environment(self, account: str = PROJECT, region: str = REGION) -> dict[str, str]:
        """See `LocalAws`. Google's SDKs learn project and region from who calls them."""
        overrides = ("COMPUTE", "CLOUDRESOURCEMANAGER", "IAM", "STORAGE")
        return {
            **{f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{api}": f"{self.endpoint}/" for api in overrides},
            "STORAGE_EMULATOR_HOST": self.endpoint,
            "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        }

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Said:
        """One request by hand."""
        data = None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} | headers
        request = urllib.request.Request(self.endpoint + path, data, sent, method=method)  # noqa: S310  # ours
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return _said(answer)
        except urllib.error.HTTPError as error:
            with error:
                return _said(error)

    def compute(self, name: str) -> Any:
        """A client of google-cloud-compute, such as `Networks`."""
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import compute_v1

        if name in self._compute:
            return self._compute[name]
        service = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
        transports = importlib.import_module(f"google.cloud.compute_v1.services.{service}.transports")
        transport = getattr(transports, f"{name}RestTransport")(
            host=f"127.0.0.1:{self.port}", url_scheme="http", credentials=AnonymousCredentials()
        )
        client = self._compute[name] = getattr(compute_v1, f"{name}Client")(transport=transport)
        return client

    def stop(self, *, kill: bool = False) -> None:
        """See `LocalAws`. Closes the clients."""
        for client in self._compute.values():
            client.transport.close()
        self._compute.clear()
        super().stop(kill=kill)

    def done(self, operation: Any, place: str = "global") -> Any:
        """Poll an operation of Compute's until it is done."""
        scope, _, where = place.partition("/")
        client = self.compute(OPERATIONS[scope])
        more = {scope.removesuffix("s"): where} if where else {}

        def look() -> Any:
            found = client.get(project=PROJECT, operation=operation.name, **more, retry=None)
            return found if found.status.name == "DONE" else None

        return until(look)


def manager(gcp: LocalGcp, client: Any, wire: str = "grpc") -> Any:
    """Resource Manager's official client, such as `ProjectsClient`, as its users lead it to a local cloud."""
    import grpc
    from google.auth.credentials import AnonymousCredentials

    host, transport = f"127.0.0.1:{gcp.port}", client.get_transport_class(wire)
    if wire == "grpc":
        return client(transport=transport(channel=grpc.insecure_channel(host)))
    return client(transport=transport(host=host, url_scheme="http", credentials=AnonymousCredentials()))


def _said(answer: Any) -> Said:
    text = answer.read()
    return Said(answer.status, dict(answer.headers.items()), json.loads(text) if text else None)
