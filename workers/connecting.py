"""A client of Temporal, as workers and the front door have it. Imports nothing that only a worker needs.

Whatever stands between us and a server becomes a letter here.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError

from holdfast.errors import HoldfastError, InvalidInput, NotFound, Unavailable
from workers.plugin import HoldfastPlugin


async def connect(*, identity: str | None = None) -> Client:
    """A client as Temporal's own environment says. Raises `InvalidInput` where that cannot be read, and `Unavailable`
    when nobody answers.
    """
    config = _config()
    try:
        return await Client.connect(**config, plugins=[HoldfastPlugin()], identity=identity or _identity())
    except RuntimeError as error:
        raise silent() from error


def silent() -> Unavailable:
    """Nobody answers where a server should be."""
    return Unavailable(
        f"no Temporal server answers at {_config()['target_host']}",
        standing="nothing was asked for",
        next="`holdfast local start` starts one here; or set TEMPORAL_ADDRESS",
    )


def unanswered(client: Client, error: RPCError) -> HoldfastError:
    """A server did not do what it was asked: it has no such namespace, or it is out of order."""
    if any(detail.Is(NamespaceNotFoundFailure.DESCRIPTOR) for detail in error.grpc_status.details):
        return NotFound(
            f"there is no namespace {client.namespace!r} at {client.service_client.config.target_host}",
            standing="nothing was asked for",
            next="set TEMPORAL_NAMESPACE",
        )
    return Unavailable(f"Temporal does not answer: {error.message}", next="`holdfast local status`")


async def unserved(client: Client, error: RuntimeError) -> HoldfastError:
    """Why a worker could not go on. The SDK says everything in one class, so the server is asked."""
    try:
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    except RPCError as silence:
        return unanswered(client, silence)
    return Unavailable(f"Temporal does not answer: {error}", next="`holdfast local status`")


def _config() -> dict[str, Any]:
    try:
        config: dict[str, Any] = dict(ClientConfig.load_client_connect_config())
    except RuntimeError as error:
        raise InvalidInput(
            f"Temporal's configuration cannot be read: {error}", next="see TEMPORAL_CONFIG_FILE and TEMPORAL_PROFILE"
        ) from error
    config.setdefault("target_host", "localhost:7233")
    return config


def _identity() -> str:
    return f"holdfast@{socket.gethostname()}#{os.getpid()}"
