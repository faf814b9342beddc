"""The Temporal dev server of the environment: how it is started, and made ready for Holdfast."""

from __future__ import annotations

import shutil
import sys
from datetime import timedelta
from pathlib import Path

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.api.workflowservice.v1 import UpdateNamespaceRequest
from temporalio.client import Client

from holdfast.contract import RETENTION, Attribute
from holdfast.errors import InvalidInput
from starter.local.state import HOST

FLAGS = (
    "system.enableCancelActivityWorkerCommand=true",  # with the next: a cancel is pushed to a running activity
    "frontend.WorkerCommandsEnabled=true",
    "matching.enableFairness=true",
    'history.timerProcessorMaxTimeShift="50ms"',  # timers fire when they are due, not up to a second later
)
PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL")


def program() -> str | None:
    """The `temporal` program: the one beside our Python, or whichever is on the path."""
    beside = Path(sys.executable).with_name("temporal")
    return str(beside) if beside.exists() else shutil.which("temporal")


def command(file: Path, port: int, ui: int) -> list[str]:
    """The command line. Raises `InvalidInput` when there is no `temporal` to run."""
    found = program()
    if found is None:
        raise InvalidInput("there is no `temporal` program here", next="pip install 'holdfast[local]'")
    line = [found, "server", "start-dev", "--ip", HOST, "--port", str(port), "--ui-port", str(ui)]
    line += ["--db-filename", str(file), "--log-level", "error"]
    line += [part for pragma in PRAGMAS for part in ("--sqlite-pragma", pragma)]
    return line + [part for flag in FLAGS for part in ("--dynamic-config-value", flag)]


async def prepare(client: Client) -> None:
    """Retention and search attributes, as Holdfast needs them. May run any number of times."""
    kept = Duration()
    kept.FromTimedelta(RETENTION)
    await client.workflow_service.update_namespace(
        UpdateNamespaceRequest(
            namespace=client.namespace, config=NamespaceConfig(workflow_execution_retention_ttl=kept)
        )
    )
    keyword, boolean = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD, IndexedValueType.INDEXED_VALUE_TYPE_BOOL
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(
            namespace=client.namespace,
            search_attributes={a.value: boolean if a is Attribute.owed else keyword for a in Attribute},
        ),
        timeout=timedelta(seconds=10),
    )
