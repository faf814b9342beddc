"""One server for all kill tests of a process, and for each cloud that is struck one cloud, one wire, one worker.

A test begins with what the one before has left: whoever kills a worker starts the next one.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from temporalio.client import Client

from activities.server import has_worker
from holdfast.contract import CONTROL_QUEUE
from holdfast.contract import queue as contract_queue
from holdfast.run import Identity
from starter.client import Holdfast
from tests.cloud import LocalAws
from tests.kills.clouds import Cloud
from tests.kills.crew import Server, Worker
from tests.kills.parts import Site
from tests.kills.sites import SITES
from tests.kills.wire import Wire
from workers.plugin import HoldfastPlugin
from workers.settings import Settings

_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that nobody waits for it alone at the end; and cloud by cloud, which share a worker."""
    items.sort(key=lambda item: (item.path.name != "test_thousand.py", _struck(item)))


def _struck(item: pytest.Item) -> str:
    spec = getattr(item, "callspec", None)
    return str(spec.params.get("crew", "")) if spec is not None else ""


@dataclass(slots=True)
class Standing:
    """What one test leaves to the next."""

    cloud: Cloud
    wire: Wire
    worker: Worker
    store: str


@dataclass(slots=True)
class Crew:
    """Everything a kill test plays with."""

    site: Site
    cloud: Cloud
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


@pytest.fixture(scope="session")
def standing(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Standing]]:
    """By the name of its cloud, begun when it is first asked for."""
    found: dict[str, Standing] = {}
    with ExitStack() as stack:

        def begun(name: str) -> Standing:
            for other in found.keys() - {name}:  # it would answer on the control queue too
                found[other].worker.stop()
            if name not in found:
                directory = tmp_path_factory.mktemp(f"struck-{name}")
                cloud, wire = stack.enter_context(Cloud(name, directory)), stack.enter_context(Wire(server.port))
                environment = {"TEMPORAL_ADDRESS": f"127.0.0.1:{wire.port}", **cloud.environment()}
                worker = stack.enter_context(Worker("worker", directory, environment, ("control", name)))
                found[name] = Standing(cloud, wire, worker, f"file:{directory / 'store'}")
            if not found[name].worker.alive:
                found[name].worker.start()
            return found[name]

        yield begun


async def _polled(client: Client, cloud: str) -> None:
    """A worker that says it has started polls a moment later; on a busy machine, seconds later."""
    for queue in (CONTROL_QUEUE, contract_queue(cloud)):
        async with asyncio.timeout(40):
            while not await has_worker(client, queue):  # noqa: ASYNC110  the server has no event for it
                await asyncio.sleep(0.3)


@pytest.fixture(params=["aws"])
async def crew(request: pytest.FixtureRequest, server: Server, standing: Callable[[str], Standing]) -> Crew:
    """Of the cloud that the test names, which is empty."""
    site = SITES[request.param]
    there = await asyncio.to_thread(standing, site.cloud)
    there.cloud.control.reset()
    there.cloud.control.settings(**site.settings)
    there.wire.release()
    client = await Client.connect(server.address, plugins=[HoldfastPlugin()])
    await _polled(client, site.cloud)
    holdfast = Holdfast(client, Settings(store=there.store), Identity(requester="ada"))
    return Crew(site, there.cloud, there.wire, there.worker, holdfast, client, f"kill{next(_numbers)}")
