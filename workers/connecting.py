"""A client of Temporal, as workers and the front door have it. Imports nothing that only a worker needs."""

from __future__ import annotations

import os
import socket
from typing import Any

from temporalio.client import Client
from temporalio.envconfig import ClientConfig

from workers.plugin import HoldfastPlugin


async def connect(*, identity: str | None = None) -> Client:
    """A client as Temporal's own environment says. Raises what the SDK raises when nobody answers."""
    config: dict[str, Any] = dict(ClientConfig.load_client_connect_config())
    config.setdefault("target_host", "localhost:7233")
    return await Client.connect(**config, plugins=[HoldfastPlugin()], identity=identity or _identity())


def _identity() -> str:
    return f"holdfast@{socket.gethostname()}#{os.getpid()}"
