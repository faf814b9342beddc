"""One local AWS and one local Azure for the tests of kinds in a process, empty before each; the doors lead there.

What only Azure's tests need is imported by its fixtures: its SDK takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from activities.providers.aws import door
from tests.cloud import LocalAws

if TYPE_CHECKING:
    from activities.providers.azure.door import AzureVisit
    from tests.localcloud.azure_parts import LocalAzure


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


@pytest.fixture(scope="session")
def azure_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAzure]:
    from tests.localcloud.azure_parts import LocalAzure

    with LocalAzure(tmp_path_factory.mktemp("azure")) as cloud:
        yield cloud


@pytest.fixture
def azure(azure_process: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalAzure]:
    from tests.kinds.azure_visit import led_to

    with led_to(azure_process, monkeypatch) as cloud:
        yield cloud


@pytest.fixture
def visit(azure: LocalAzure) -> AzureVisit:
    """A visit to a subscription with one group, where nothing takes time."""
    from tests.kinds.azure_visit import visited

    return visited(azure)
