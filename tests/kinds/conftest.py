"""One local AWS for all tests of kinds in a process, empty before each, and the door to AWS leading there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from activities.providers.aws import door
from tests.cloud import LocalAws


@pytest.fixture(scope="session")
def aws_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws(tmp_path_factory.mktemp("aws")) as cloud:
        yield cloud


@pytest.fixture
def aws(aws_process: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalAws]:
    for name, value in aws_process.environment().items():
        monkeypatch.setenv(name, value)
    # The door keeps its clients, and whose they are: those of another test's cloud must not be among them.
    monkeypatch.setattr(door, "_clients", {})
    monkeypatch.setattr(door, "_account", [])
    aws_process.control.reset()
    yield aws_process
    for client in door._clients.values():
        client.close()
