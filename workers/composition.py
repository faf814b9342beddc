"""Put a worker together: catalog, store, clouds, activities and workflows, by the queues it serves."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from typing import Any

from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.worker import Worker, WorkerDeploymentConfig

from activities.clouds import Open
from activities.credentials import choosing as credentials
from activities.deciding import Deciding
from activities.plans import Plans
from activities.reading import CloudReading
from activities.server import Server
from activities.stores import open_store
from activities.verbs import CloudVerbs
from holdfast.contract import CONTROL_QUEUE, queue
from holdfast.errors import InvalidInput
from workers.beat import BeatInterceptor
from workers.catalog import catalog
from workers.settings import Settings
from workflows.plan import Planning
from workflows.provision import Provision
from workflows.request import Submission
from workflows.stack import Stack
from workflows.versions import BUILD

CONTROL = "control"
CLOUDS = ("aws", "gcp", "azure")
# What a door imports when it is first used, and not before. That one is missing is said when the worker begins, and not
# by the first act.
SDKS = {
    "aws": ("boto3",),
    "gcp": ("google.auth", "google.cloud.compute_v1", "google.cloud.resourcemanager_v3", "google.cloud.storage"),
    "azure": (
        "azure.identity",
        *(
            f"azure.mgmt.{service}"
            for service in ("authorization", "compute", "keyvault", "msi", "network", "resource")
        ),
        "azure.mgmt.storage",
    ),
}
GRACE = timedelta(seconds=25)  # for what is under way when a worker is told to stop
WORKFLOWS: Sequence[type] = (Stack, Provision, Planning, Submission)


@dataclass(frozen=True, slots=True)
class Served:
    """A queue and what answers on it."""

    queue: str
    activities: Sequence[Callable[..., Any]]
    workflows: Sequence[type] = ()


def ready(names: Sequence[str], settings: Settings) -> None:
    """See to everything that a worker of these queues can be told before it has asked anybody.

    Raises `InvalidInput`: for a queue there is none of, an SDK that is not installed, a store that is none, or a
    credentials file that is wrong.
    """
    for name in names:
        if name != CONTROL:
            open_cloud(name)
    open_store(settings.store)
    if set(names) & set(CLOUDS):
        credentials.ready()


def served(names: Sequence[str], client: Client, settings: Settings) -> list[Served]:
    """What answers on each of the named queues: `control`, or a cloud's. Raises what `ready` raises."""
    ready(names, settings)
    if CONTROL in names:
        _load(names)
    kinds, store = catalog(), open_store(settings.store)
    queues = []
    for name in names:
        if name == CONTROL:
            deciding, server = Deciding(kinds, store), Server(client, Plans(store).whole)
            queues.append(Served(CONTROL_QUEUE, [*deciding.activities, *server.activities], WORKFLOWS))
        else:
            visit = open_cloud(name)
            kinds.read(name)
            verbs, reading = CloudVerbs(kinds, store, visit), CloudReading(kinds, store, visit)
            queues.append(Served(queue(name), [*verbs.activities, *reading.activities]))
    return queues


def _load(names: Sequence[str]) -> None:
    """Import the SDKs of the clouds among these queues: now, where the process is to run workflows as well.

    While one of them runs, Temporal's sandbox has another thing than a dict in the place of `sys.modules`. A module
    written in Rust, as `cryptography` is, cannot be imported meanwhile (SystemError), and leaves half of whatever SDK
    needed it. A worker of clouds alone goes on importing when it must.
    """
    for name in names:
        for sdk in SDKS.get(name, ()):
            importlib.import_module(sdk)


def open_cloud(name: str) -> Open:
    """The door of one cloud. Raises `InvalidInput`: for a cloud there is none of, or when its SDK is not installed."""
    if name not in CLOUDS:
        raise InvalidInput(f"there is no queue {name!r}", next=f"choose from {', '.join((CONTROL, *CLOUDS))}")
    try:
        if sdk := first_missing(SDKS[name]):
            raise ModuleNotFoundError(f"No module named {sdk!r}", name=sdk)
        door = importlib.import_module(f"activities.providers.{name}.door")
    except ModuleNotFoundError as error:
        raise InvalidInput(
            f"this worker cannot serve {name}: {error.name} is not installed", next=f"pip install 'holdfast[{name}]'"
        ) from error
    opened: Open = door.open_visit
    return opened


def first_missing(modules: Iterable[str]) -> str | None:
    """The first of these modules that is not installed. Imports none of them, but the packages they stand in."""
    for module in modules:
        try:
            if find_spec(module) is None:
                return module
        except ModuleNotFoundError as error:
            return error.name or module
    return None


async def serve(client: Client, queues: Sequence[Served], threads: int, until: Callable[[], Any]) -> None:
    """Answer on the queues until `until()` returns; then finish what is under way, within `GRACE`."""
    async with AsyncExitStack() as stack:
        for one in queues:
            # One each: an act that has started must not wait for a thread that another queue's acts hold.
            executor = stack.enter_context(ThreadPoolExecutor(threads, thread_name_prefix=one.queue))
            worker = Worker(
                client,
                task_queue=one.queue,
                workflows=one.workflows,
                activities=one.activities,
                activity_executor=executor,
                max_concurrent_activities=threads,
                graceful_shutdown_timeout=GRACE,
                interceptors=[BeatInterceptor()],
                max_heartbeat_throttle_interval=timedelta(seconds=5),
                deployment_config=_deployment(),
            )
            await stack.enter_async_context(worker)
        await until()


def _deployment() -> WorkerDeploymentConfig | None:
    """Versioned only where the build has a name. Its deployment must then make that build the current one."""
    if not BUILD:
        return None
    return WorkerDeploymentConfig(version=WorkerDeploymentVersion("holdfast", BUILD), use_worker_versioning=True)
