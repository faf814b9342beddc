"""One server and one cloud for all kill tests of a process; a worker, a wire and a stack for each test."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from temporalio.client import Client

from activities.server import has_worker
from holdfast.contract import CONTROL_QUEUE
from holdfast.contract import queue as contract_queue
from holdfast.run import Identity
from starter.client import Holdfast
from tests.cloud import LocalAws
from tests.kills.crew import Server, Worker
from tests.kills.wire import Wire
from workers.plugin import HoldfastPlugin
from workers.settings import Settings

_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that nobody waits for it alone at the end."""
    items.sort(key=lambda item: item.path.name != "test_thousand.py")


@dataclass(slots=True)
class Crew:
    """Everything a kill test plays with."""

    server: Server
    cloud: LocalAws
    wire: Wire
    worker: Worker
    holdfast: Holdfast
    client: Client
    stack: str


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("temporal")) as server:
        server.start()
        yield server


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws(tmp_path_factory.mktemp("aws")) as cloud:
        yield cloud


async def _polled(client: Client) -> None:
    """A worker that says it has started polls a moment later; on a busy machine, seconds later."""
    for queue in (CONTROL_QUEUE, contract_queue("aws")):
        async with asyncio.timeout(40):
            while not await has_worker(client, queue):  # noqa: ASYNC110  the server has no event for it
                await asyncio.sleep(0.3)


@pytest.fixture
async def crew(server: Server, cloud: LocalAws, tmp_path: Path) -> AsyncIterator[Crew]:
    cloud.control.reset()
    with Wire(server.port) as wire:
        environment = {"TEMPORAL_ADDRESS": f"127.0.0.1:{wire.port}", **cloud.environment()}
        with Worker("worker", tmp_path, environment) as worker:
            await asyncio.to_thread(worker.start)
            client = await Client.connect(server.address, plugins=[HoldfastPlugin()])
            await _polled(client)
            settings = Settings(store=f"file:{tmp_path / 'store'}")
            holdfast = Holdfast(client, settings, Identity(requester="ada"))
            yield Crew(server, cloud, wire, worker, holdfast, client, f"kill{next(_numbers)}")
            await asyncio.to_thread(worker.stop)
