"""The processes of a kill test: a Temporal server and workers, started on free ports and ended by pid."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client

from holdfast.contract import Attribute
from tests import leash
from tests.cloud import ROOT, until

BIN = Path(sys.executable).parent
FLAGS = (
    "system.enableCancelActivityWorkerCommand=true",
    "frontend.WorkerCommandsEnabled=true",
    "matching.enableFairness=true",
    'history.timerProcessorMaxTimeShift="50ms"',
)


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Process:
    """A child process whose end is ours: by SIGTERM, by SIGKILL, and never by name."""

    def __init__(self, name: str, directory: Path) -> None:
        self._log = directory / f"{name}.log"
        self._child: subprocess.Popen[bytes] | None = None

    def spawn(self, command: list[str], environment: dict[str, str]) -> None:
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        leash.hold(self._child.pid)

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text() if self._log.exists() else ""

    @property
    def pid(self) -> int | None:
        """None while it does not run."""
        return self._child.pid if self._child is not None else None

    @property
    def alive(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def kill(self) -> None:
        """SIGKILL: no handler runs, nothing is flushed."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL when it does not leave."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        if child.poll() is None:
            child.send_signal(how)
        try:
            child.wait(40)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(5)
        leash.forget(child.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


class Server(Process):
    """The Temporal dev server on a SQLite file: what it has acknowledged survives a kill."""

    def __init__(self, directory: Path) -> None:
        super().__init__("temporal", directory)
        self._file = directory / "temporal.db"
        self.port = free_port()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, or start again on the same file and port, and wait until it answers."""
        flags = [part for flag in FLAGS for part in ("--dynamic-config-value", flag)]
        pragmas = ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"]
        command = [str(BIN / "temporal"), "server", "start-dev", "--headless", "--log-level", "error"]
        command += ["--port", str(self.port), "--http-port", str(free_port()), "--metrics-port", str(free_port())]
        self.spawn([*command, "--db-filename", str(self._file), *pragmas, *flags], dict(os.environ))
        asyncio.run(self._register())

    async def _register(self) -> None:
        client = await self._connect()
        keyword, boolean = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD, IndexedValueType.INDEXED_VALUE_TYPE_BOOL
        attributes = {a.value: boolean if a is Attribute.owed else keyword for a in Attribute}
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=client.namespace, search_attributes=attributes)
        )

    async def _connect(self) -> Client:
        end = time.monotonic() + 30
        while True:
            try:
                return await Client.connect(self.address)
            except RuntimeError:
                if time.monotonic() > end or not self.alive:
                    raise
                await asyncio.sleep(0.2)


class Worker(Process):
    """One worker process, serving `control` and `aws` unless told otherwise."""

    def __init__(
        self, name: str, directory: Path, environment: dict[str, str], queues: Sequence[str] = ("control", "aws")
    ) -> None:
        super().__init__(name, directory)
        self._queues = queues
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TEMPORAL_", "HOLDFAST_"))},
            "HOLDFAST_STORE": f"file:{directory / 'store'}",
            "HOLDFAST_LOG": "info",
            **environment,
        }
        self._starts = 0

    def start(self, *queues: str) -> None:
        """Start, and wait until it serves."""
        self._starts += 1
        self.spawn([sys.executable, "-m", "workers", *(queues or self._queues)], self._environment)
        until(self._serves, 30, f"a worker:\n{self.log}")

    def _serves(self) -> bool | None:
        if not self.alive:
            raise RuntimeError(f"the worker ended:\n{self.log}")
        started = [line for line in self.log.splitlines() if line.startswith("{") and _event(line) == "worker.started"]
        return True if len(started) >= self._starts else None


def _event(line: str) -> str:
    try:
        return str(json.loads(line).get("event", ""))
    except ValueError:
        return ""
