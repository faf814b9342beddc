"""One server, one cloud and one worker for all tests of the command line in a process; a stack for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests import command
from tests.cloud import LocalAws
from tests.command import Said
from tests.kills.crew import Server, Worker

_numbers = itertools.count(1)

NET = "  net: {kind: aws.vpc, spec: {cidr: 10.0.0.0/16}}\n"


@dataclass(slots=True)
class Place:
    """The environment, a directory, and a stack of its own."""

    server: Server
    cloud: LocalAws
    worker: Worker
    directory: Path
    stack: str
    store: Path = Path()
    environment: dict[str, str] = field(default_factory=dict)

    def ask(self, *arguments: str, **more: str) -> Said:
        """Run the command in a process of its own, without a terminal."""
        return command.ended(command.begin(arguments, {**self.environment, **more}))

    def document(self, resources: str = NET, name: str = "stack.yaml") -> str:
        """A document of this test's stack; returns its path."""
        file = self.directory / name
        file.write_text(command.document(self.stack, resources))
        return str(file)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("temporal")) as server:
        server.start()
        yield server


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws(tmp_path_factory.mktemp("aws")) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("worker") / "store"


@pytest.fixture(scope="session")
def worker(server: Server, cloud: LocalAws, store: Path) -> Iterator[Worker]:
    environment = {"TEMPORAL_ADDRESS": server.address, **cloud.environment()}
    with Worker("worker", store.parent, environment) as worker:
        worker.start()
        yield worker
        worker.stop()


@pytest.fixture
def alone(tmp_path: Path) -> Place:
    """A place where nobody answers."""
    environment = command.surroundings("127.0.0.1:1")
    nothing: Any = None
    return Place(nothing, nothing, nothing, tmp_path, f"alone{next(_numbers)}", Path(), environment)


@pytest.fixture
def place(server: Server, cloud: LocalAws, worker: Worker, store: Path, alone: Place, tmp_path: Path) -> Place:
    """A place where everything runs."""
    cloud.control.reset()
    environment = {**alone.environment, "TEMPORAL_ADDRESS": server.address}
    return Place(server, cloud, worker, tmp_path, f"cli{next(_numbers)}", store, environment)


@pytest.fixture(autouse=True)
def any_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Environments of tests that run side by side stay off the usual ports, so that each finds its own again."""
    monkeypatch.setenv("HOLDFAST_LOCAL_PORTS", "any")
