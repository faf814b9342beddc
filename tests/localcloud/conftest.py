"""One local AWS for all tests of a worker process, empty before each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cloud import LocalAws


@pytest.fixture(scope="session")
def aws_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws(tmp_path_factory.mktemp("aws")) as cloud:
        yield cloud


@pytest.fixture
def aws(aws_process: LocalAws) -> LocalAws:
    aws_process.control.reset()
    return aws_process
