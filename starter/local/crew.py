"""Who is in the environment: each process's command line, its variables, and how it shows that it is well."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from temporalio.client import Client
from temporalio.service import RPCError

from activities.server import has_worker
from holdfast.contract import CONTROL_QUEUE, queue
from starter.local import temporal
from starter.local.child import Child
from starter.local.state import HOST, State

CLOUDS = ("aws", "gcp", "azure")
ACCOUNT = "123456789012"  # the local AWS takes an access key of twelve digits for that account's
REGION = "eu-central-1"
NAMESPACE = "default"
# Variables that would lead a process elsewhere.
OURS = (
    "ARM_",
    "AWS_",
    "AZURE_",
    "CLOUDSDK_",
    "GCE_",
    "GOOGLE_",
    "HOLDFAST_",
    "IDENTITY_",
    "MOTO_",
    "MSI_",
    "STORAGE_EMULATOR_HOST",
    "TEMPORAL_",
)


def names(clouds: Sequence[str]) -> list[str]:
    """Whatever needs a port."""
    return ["temporal", "ui", *(f"cloud-{cloud}" for cloud in clouds)]


def _aws(endpoint: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def _gcp(endpoint: str) -> dict[str, str]:
    services = ("COMPUTE", "CLOUDRESOURCEMANAGER", "IAM")
    return {
        **{f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{service}": f"{endpoint}/" for service in services},
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "STORAGE_EMULATOR_HOST": endpoint,
    }


def _azure(endpoint: str) -> dict[str, str]:
    return {"HOLDFAST_AZURE_ENDPOINT": endpoint}


REACHED = {"aws": _aws, "gcp": _gcp, "azure": _azure}  # by which a cloud's SDK, and our door, find the local one


def variables(state: State) -> dict[str, str]:
    """By which a client, or an SDK, reaches this environment and no other."""
    found = {
        "TEMPORAL_ADDRESS": state.address,
        "TEMPORAL_NAMESPACE": NAMESPACE,
        "TEMPORAL_CONFIG_FILE": os.devnull,  # a profile's TLS, key or codec would be for another server
        "HOLDFAST_STORE": f"file:{state.directory / 'store'}",
    }
    for cloud, endpoint in state.clouds.items():
        found |= REACHED[cloud](endpoint)
    return found


class Crew:
    """The processes of one environment, in the order in which they are started."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.client: Client | None = None
        plain = {k: v for k, v in os.environ.items() if not k.startswith(OURS)}
        kept = {k: v for k, v in os.environ.items() if k in {"HOLDFAST_LOG", "HOLDFAST_THREADS"}}
        self._plain, self._worker = plain, {**plain, **kept, **variables(state)}
        self.bases = [self._server(), *(self._cloud(cloud) for cloud in state.clouds)]
        self.workers = [self._serving("control", CONTROL_QUEUE), *(self._serving(c, queue(c)) for c in state.clouds)]

    @property
    def all(self) -> list[Child]:
        """Every process."""
        return [*self.bases, *self.workers]

    async def connect(self) -> Client | None:
        """A client of the server, once it answers."""
        if self.client is None:
            with suppress(RuntimeError):
                self.client = await Client.connect(self._state.address, namespace=NAMESPACE)
        return self.client

    def _server(self) -> Child:
        ports, directory = self._state.ports, self._state.directory
        line = temporal.command(directory / "temporal.db", ports["temporal"], ports["ui"])
        return self._child("temporal", line, self._plain, self._answers, ports["temporal"])

    def _cloud(self, cloud: str) -> Child:
        name = f"cloud-{cloud}"
        port = self._state.ports[name]
        # The local clouds are never imported by us, and started as anybody else's program would be.
        line = [sys.executable, "-m", f"localcloud.{cloud}", "--port", str(port), "--with-parent"]
        line += ["--state", str(self._state.directory / f"{name}.state")]

        async def well() -> bool:
            return await asyncio.to_thread(_listens, f"http://{HOST}:{port}/_holdfast/health")

        # It keeps its state when it is asked to leave, so that is how it shall hear of the supervisor's death.
        return self._child(name, line, self._plain, well, port, signal.SIGTERM)

    def _serving(self, short: str, served: str) -> Child:
        async def well() -> bool:
            return await self._polled(served)

        return self._child(f"worker-{short}", [sys.executable, "-m", "workers", short], self._worker, well)

    def _child(
        self,
        name: str,
        line: list[str],
        environment: Mapping[str, str],
        well: Callable[[], Awaitable[bool]],
        port: int | None = None,
        orphaned: signal.Signals = signal.SIGKILL,
    ) -> Child:
        return Child(name, line, environment, Path(self._state.directory), well, port, orphaned)

    async def _answers(self) -> bool:
        client = await self.connect()
        if client is None:
            return False
        try:
            return await asyncio.wait_for(client.service_client.check_health(), 3)
        except (RPCError, TimeoutError):
            return False

    async def _polled(self, served: str) -> bool:
        if self.client is None:
            return False
        try:
            return await asyncio.wait_for(has_worker(self.client, served), 3)
        except (RPCError, TimeoutError):
            return False


def _listens(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=3) as answer:  # noqa: S310  # our own, on this machine
            return bool(answer.status == 200)  # noqa: PLR2004  # OK
    except (OSError, urllib.error.URLError):
        return False
