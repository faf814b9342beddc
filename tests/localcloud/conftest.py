"""One local cloud of each kind for all tests of a worker process, empty before each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.cloud import LocalAws
from tests.localcloud.google_parts import LocalGcp

if TYPE_CHECKING:
    from tests.localcloud.azure_parts import LocalAzure


@pytest.fixture(scope="session")
def aws_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws(tmp_path_factory.mktemp("aws")) as cloud:
        yield cloud


@pytest.fixture
def aws(aws_process: LocalAws) -> LocalAws:
    aws_process.control.reset()
    return aws_process


@pytest.fixture(scope="session")
def azure_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAzure]:
    from tests.localcloud.azure_parts import LocalAzure  # its SDK takes seconds to import

    with LocalAzure(tmp_path_factory.mktemp("azure")) as cloud:
        yield cloud


@pytest.fixture
def azure(azure_process: LocalAzure) -> LocalAzure:
    azure_process.control.reset()
    return azure_process


@pytest.fixture(scope="session")
def gcp_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalGcp]:
    with LocalGcp(tmp_path_factory.mktemp("gcp")) as cloud:
        yield cloud


@pytest.fixture
def gcp(gcp_process: LocalGcp) -> LocalGcp:
    gcp_process.control.reset()
    return gcp_process
