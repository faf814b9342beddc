"""One local cloud of each for the tests of kinds in a process, empty before each; the doors lead there.

`aws`, `azure` and `gcp` are the clouds, `visit` and `gcp_visit` the doors to the latter two. What only the tests of one
cloud need is imported by its fixtures: an SDK takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from activities.providers.aws import door
from tests.cloud import LocalAws

if TYPE_CHECKING:
    from activities.providers.azure.door import AzureVisit
    from activities.providers.gcp.door import GcpVisit
    from tests.localcloud.azure_parts import LocalAzure
    from tests.localcloud.google_parts import LocalGcp


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


@pytest.fixture(scope="session")
def gcp_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalGcp]:
    from tests.localcloud.google_parts import LocalGcp

    with LocalGcp(tmp_path_factory.mktemp("gcp")) as cloud:
        yield cloud


@pytest.fixture
def gcp(gcp_process: LocalGcp, monkeypatch: pytest.MonkeyPatch) -> LocalGcp:
    from tests.kinds.google_visit import led

    return led(gcp_process, monkeypatch)


@pytest.fixture
def gcp_visit(gcp: LocalGcp) -> GcpVisit:
    """A visit to a project in which there is nothing."""
    from tests.kinds.google_visit import visited

    return visited()
