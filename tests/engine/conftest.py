"""One dev server for each process that runs tests; a stack, a cloud and workers for each test."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from activities.protocol import job
from holdfast.contract import Activity
from tests.engine.harness import Engine, engine, start_server
from workflows import options

_NUMBERS = itertools.count(1)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def address() -> AsyncIterator[str]:
    """Where the server answers."""
    async with await start_server() as server:
        yield server.client.service_client.config.target_host


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries and settles come at once: nothing here needs the time that a cloud does."""
    first, last = timedelta(milliseconds=50), timedelta(milliseconds=200)
    table = {a: dataclasses.replace(row, first_retry=first, last_retry=last) for a, row in options.TABLE.items()}
    monkeypatch.setattr(options, "TABLE", table)
    monkeypatch.setattr(job, "LOOK_EVERY", first)
    assert set(table) == set(Activity)


@pytest_asyncio.fixture
async def shop(address: str, tmp_path: Path, quick: None) -> AsyncIterator[Engine]:
    """A stack with workers that see what a test sets in a workflow's module."""
    async with engine(address, tmp_path, f"shop-{next(_NUMBERS)}x", sandboxed=False) as made:
        yield made


@pytest_asyncio.fixture
async def idle(address: str, tmp_path: Path, quick: None) -> AsyncIterator[Engine]:
    """The same without any worker yet."""
    async with engine(address, tmp_path, f"idle-{next(_NUMBERS)}x", sandboxed=False, workers=False) as made:
        yield made


@pytest_asyncio.fixture
async def boxed(address: str, tmp_path: Path) -> AsyncIterator[Engine]:
    """A stack with workers as they are in production: sandboxed, and patient."""
    async with engine(address, tmp_path, f"box-{next(_NUMBERS)}x", sandboxed=True) as made:
        yield made
