"""A reading that nobody waits for any longer asks nothing more, and is never cut off in the middle of an import."""

from __future__ import annotations

import importlib
import json
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.activity import ActivityCancellationDetails
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.testing import ActivityEnvironment

from activities.asked import Asked
from activities.clouds import Visit
from activities.deciding import Deciding
from activities.plans import Plans
from activities.providers.aws import tags
from activities.providers.aws.ec2 import Ec2Kind
from activities.reading import AT_ONCE, CloudReading
from activities.stores.directory import DirectoryStore
from holdfast.act import Look, Sweep
from holdfast.contract import ADDRESS_TAG, OWNER_TAG
from holdfast.errors import Letter
from holdfast.model import Owner, Scope, Status
from holdfast.plan import Plan
from holdfast.resource import Call, Observation, Search
from tests.cloud import ACCOUNT, REGION, LocalAws
from workers.catalog import catalog
from workers.composition import open_cloud

if TYPE_CHECKING:
    from activities.providers.azure.door import AzureVisit
    from tests.localcloud.azure_parts import LocalAzure
    from tests.localcloud.google_parts import LocalGcp

KIND = "aws.thing"
OWNER = Owner("test", "shop")
LOOK = Look(scope=Scope("aws", "123456789012", "eu-central-1"), kinds=(KIND,), owner=OWNER)
STOPPED = ActivityCancellationDetails(worker_shutdown=True)
# As Google's packages are: the whole imports its parts, and a part takes its time.
WHOLE = "from .slow import Client\n"
PART = (
    "import threading, time\nbegun.set()\nwhile not going.is_set():\n    time.sleep(0.01)\nfrom .other import Client\n"
)


class Things:
    """A kind that imports its SDK when it is first asked, between the one thing and the other."""

    kind = KIND

    def __init__(self, sdk: str) -> None:
        self.sdk, self.told = sdk, 0

    def discover(self, search: Search) -> Iterator[Observation]:
        for number in range(3):
            if number == 1:
                importlib.import_module(self.sdk)
            self.told += 1
            yield Observation(kind=KIND, status=Status.ready, remote_id=f"thing-{number}")

    def find_all(self, calls: Any) -> Iterator[Any]:
        return iter(())


@pytest.fixture
def sdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, threading.Event, threading.Event]]:
    name, begun, going = f"sdk_{uuid4().hex}", threading.Event(), threading.Event()
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").write_text(WHOLE)
    (folder / "slow.py").write_text(f"from events_{name} import begun, going\n{PART}")
    (folder / "other.py").write_text("class Client: pass\n")
    events: Any = type(sys)(f"events_{name}")
    events.begun, events.going = begun, going
    monkeypatch.setitem(sys.modules, events.__name__, events)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield name, begun, going
    for module in [m for m in sys.modules if m.startswith(name)]:
        del sys.modules[module]


def reader(tmp_path: Path, things: Things) -> CloudReading:
    catalog: Any = {KIND: things}
    visit: Any = type("Visit", (), {"client": None, "calls": 1, "requests": ()})()
    return CloudReading(catalog, DirectoryStore(tmp_path), lambda _: visit)


def test_an_import_is_not_cut_in_two(tmp_path: Path, sdk: tuple[str, threading.Event, threading.Event]) -> None:
    """A cancel that comes in the middle of an import is heeded after it: the package is there, whole."""
    name, begun, going = sdk
    things, raised = Things(name), list[BaseException]()
    environment, reading = ActivityEnvironment(), reader(tmp_path, things)

    def run() -> None:
        try:
            environment.run(reading.discover, LOOK)
        except CancelledError as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(30)
    environment.cancel()
    going.set()
    thread.join(30)
    assert "let go" in str(raised[0])
    assert things.told == 2  # and the third was not asked for
    assert importlib.import_module(name).Client is importlib.import_module(f"{name}.slow").Client


def test_a_calm_reading(tmp_path: Path, sdk: tuple[str, threading.Event, threading.Event]) -> None:
    """Whatever nobody cancels reads to its end."""
    name, _, going = sdk
    going.set()
    things = Things(name)
    assert ActivityEnvironment().run(reader(tmp_path, things).discover, LOOK).count == 3
    assert things.told == 3


def test_no_activity_in_a_thread_is_cut_off(tmp_path: Path) -> None:
    """In no thread of ours is an exception raised from outside, wherever it stands."""
    none: Any = None
    store = DirectoryStore(tmp_path)
    every = [*CloudReading(none, store, none).activities, *Deciding(none, store).activities]
    for one in every:
        found: Any = activity._Definition.from_callable(one)
        assert found.no_thread_cancel_exception, found.name


# --- what asks, and finds nothing ------------------------------------------------------------------------------


class Slow:
    """A kind of which there is nothing. Each of its requests is told of; those in `held` wait for `going`."""

    def __init__(self, name: str, visit: Asked, held: int) -> None:
        self.kind, self._visit, self._held = name, visit, held
        self.reached, self.going = threading.Semaphore(0), threading.Event()

    def _ask(self) -> None:
        self._visit.asks(changes=False)
        if self._visit.calls <= self._held:
            self.reached.release()
            assert self.going.wait(30)

    def discover(self, search: Search) -> Iterator[Observation]:
        self._ask()
        return iter(())

    def observe(self, call: Call[Any]) -> Observation:
        self._ask()
        self._ask()
        return Observation(kind=self.kind, status=Status.absent, remote_id=call.remote_id)

    def find_all(self, calls: Any) -> Iterator[Any]:
        return iter(())


class Silent(Slow):
    """One whose lists cost nothing."""

    def discover(self, search: Search) -> Iterator[Observation]:
        return iter(())


class Stay(Asked):
    """A visit to no cloud."""

    client: Any = None


def ended(
    read: Callable[[ActivityEnvironment], Any],
    begun: Callable[[], Any],
    going: Callable[[], Any],
    details: ActivityCancellationDetails | None,
) -> BaseException | None:
    """What a reading is ended by that is cancelled once it has `begun`, and goes on after that."""
    environment, raised = ActivityEnvironment(), list[BaseException]()

    def run() -> None:
        try:
            read(environment)
        except BaseException as error:  # noqa: BLE001  whatever it is, the test judges
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    begun()
    if details is not None:
        environment.cancel(details)
    going()
    thread.join(60)
    assert not thread.is_alive()
    return raised[0] if raised else None


CANCELLED = ActivityCancellationDetails(cancel_requested=True)


def slowly(tmp_path: Path, slow: Slow, visit: Asked, look: Look, details: Any) -> BaseException | None:
    """What the reading of a slow kind is ended by."""
    kinds: Any = defaultdict(lambda: slow)
    stay: Any = visit
    reading = CloudReading(kinds, DirectoryStore(tmp_path), lambda _: stay)

    def begun() -> None:
        for _ in range(slow._held):
            assert slow.reached.acquire(timeout=30)

    return ended(lambda environment: environment.run(reading.discover, look), begun, slow.going.set, details)


KNOWN = LOOK.model_copy(update={"known": tuple((f"shop/{KIND}/v{n}", f"v-{n}") for n in range(320))})


@pytest.mark.parametrize(
    "details, asked",
    [pytest.param(CANCELLED, AT_ONCE, id="cancelled"), pytest.param(None, 2 * 320, id="calm")],
)
def test_what_the_ledger_knows(tmp_path: Path, details: Any, asked: int) -> None:
    """Of single looks only those that have begun are waited for, and only until their next request."""
    visit = Stay()
    slow = Silent(KIND, visit, AT_ONCE)
    assert isinstance(slowly(tmp_path, slow, visit, KNOWN, details), CancelledError | None)
    assert visit.calls == asked


@pytest.mark.parametrize(
    "details, asked, error",
    [
        pytest.param(CANCELLED, 1, CancelledError, id="cancelled"),
        pytest.param(STOPPED, 1, ApplicationError, id="stopped"),
        pytest.param(None, 15, None, id="calm"),
    ],
)
def test_kinds_of_which_there_is_nothing(tmp_path: Path, details: Any, asked: int, error: Any) -> None:
    """After a kind of which nothing is found the next is not asked for; a worker that stops says that another reads."""
    visit = Stay()
    slow = Slow(KIND, visit, 1)
    look = LOOK.model_copy(update={"kinds": tuple(f"aws.k{n}" for n in range(15))})
    found = slowly(tmp_path, slow, visit, look, details)
    assert type(found) is (error or type(None))
    assert visit.calls == asked
    if isinstance(found, ApplicationError):
        assert not found.non_retryable
        assert Letter.model_validate(found.details[0]).error == "Unavailable"


def test_a_kind_that_asks_for_nothing(tmp_path: Path) -> None:
    """A reading that is cancelled while the last kind is read does not end as if it had read everything."""
    visit = Stay()
    assert isinstance(slowly(tmp_path, Slow(KIND, visit, 1), visit, LOOK, CANCELLED), CancelledError)


@pytest.mark.parametrize(
    "details, asked",
    [
        pytest.param(CANCELLED, 1, id="cancelled"),
        pytest.param(STOPPED, 15, id="stopped"),
        pytest.param(None, 15, id="calm"),
    ],
)
def test_a_sweep(tmp_path: Path, details: Any, asked: int) -> None:
    """A sweep ends before its next list when a run waits; when only the worker stops, it goes on to its end."""
    visit, store = Stay(), DirectoryStore(tmp_path)
    slow, stay = Slow(KIND, visit, 1), cast("Any", visit)
    every: Any = defaultdict(lambda: slow)
    sweep = Sweep(
        scope=LOOK.scope,
        owner=OWNER,
        kinds=tuple(f"aws.k{n}" for n in range(15)),
        plan=Plans(store).keep(Plan(stack="shop", operation="up")),
        plan_id=str(uuid4()),
    )
    reading = CloudReading(every, store, lambda _: stay)
    found = ended(
        lambda e: e.run(reading.sweep, sweep), lambda: slow.reached.acquire(timeout=30), slow.going.set, details
    )
    assert isinstance(found, CancelledError) is (asked == 1), found
    assert visit.calls == asked


# --- pages, through the doors -----------------------------------------------------------------------------------


def paged(tmp_path: Path, cloud: LocalAws, scope: Scope, kind: str, pages: int) -> None:
    """A list of others' things is let go between two of its pages; the same door reads all of it before and after."""
    visits: list[Visit] = []

    def opened(scope: Scope) -> Visit:
        visits.append(open_cloud(scope.cloud)(scope))
        return visits[-1]

    reading = CloudReading(catalog(), DirectoryStore(tmp_path), opened)
    look = Look(scope=scope, kinds=(kind,), owner=OWNER)
    for details, asked in ((None, pages), (CANCELLED, 1), (None, pages), (STOPPED, 1), (None, pages)):
        cloud.control.hold(mutates=False, count=1, **({"action": "Describe*"} if scope.cloud == "aws" else {}))
        found = ended(
            lambda environment: environment.run(reading.discover, look),
            cloud.control.wait_held,
            cloud.control.release,
            details,
        )
        wanted = {CANCELLED: CancelledError, STOPPED: ApplicationError, None: type(None)}[details]
        assert type(found) is wanted, found
        assert visits[-1].calls == asked, details


def test_pages_of_aws(aws: LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of EC2, as boto3 pages: disks of instances, which are no resources of their own."""
    marks = tags.listed({OWNER_TAG: str(OWNER), ADDRESS_TAG: "shop/aws.instance/web"})
    said = [{"ResourceType": "volume", "Tags": marks}]
    for _ in range(12):
        aws.client("ec2").create_volume(AvailabilityZone=f"{REGION}a", Size=1, TagSpecifications=said)
    monkeypatch.setattr(Ec2Kind, "page", 5)
    paged(tmp_path, aws, Scope("aws", ACCOUNT, REGION), "aws.volume", 3)


def test_pages_of_azure(azure: LocalAzure, visit: AzureVisit, tmp_path: Path) -> None:
    """Of ARM, through the SDK's pipeline."""
    from activities.providers.azure import ids
    from tests.kinds.azure_visit import A_DISK, GROUP, SCOPE

    for number in range(6):
        at = ids.inside(GROUP, "Microsoft.Compute/disks", f"disk-{number}")
        visit.client("compute").put(at, {**A_DISK})
    azure.control.settings(page_size=2)
    paged(tmp_path, azure, SCOPE, "azure.disk", 3)


# By kind: the module whose `PAGE` is a page's size, and how six are made that are none of the stack's own: others'; or,
# as Compute filters well, disks of its instances, which are no resources of their own.
OTHERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "gcp.service_account": (
        "kinds.service_account",
        "/v1/projects/a-project/serviceAccounts",
        {"accountId": "robot-N"},
    ),
    "gcp.bucket": ("kinds.bucket", "/storage/v1/b?project=a-project", {"name": "bucket-N"}),
    "gcp.project": (
        "kinds.project",
        "/v3/projects",
        {"projectId": "project-N", "parent": "organizations/1", "labels": {"holdfast-stack": "shop-2"}},
    ),
    "gcp.disk": (
        "compute",
        "/compute/v1/projects/a-project/zones/us-central1-a/disks",
        {
            "name": "disk-N",
            "sizeGb": "10",
            "labels": {
                "holdfast-installation": OWNER.installation,
                "holdfast-stack": OWNER.stack,
                "holdfast-kind": "gcp_instance",
                "holdfast-name": "web",
            },
        },
    ),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_pages_of_google(gcp: LocalGcp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Of each way in which Google is asked: a session of ours, Storage's connection, gRPC, Compute's clients."""
    from tests.kinds.google_visit import HERE

    module, path, body = OTHERS[kind]
    gcp.control.settings(manager_seconds=0, operation_seconds=0)
    for number in range(6):
        said = json.loads(json.dumps(body).replace("-N", f"-number-{number}"))
        assert gcp.ask("POST", path, said).status == 200
    gcp.control.step(60)
    monkeypatch.setattr(f"activities.providers.gcp.{module}.PAGE", 2)
    paged(tmp_path, gcp, HERE, kind, 3)
