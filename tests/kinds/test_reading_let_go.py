"""A reading that nobody waits for any longer ends between two things that it reads, and never in the middle of one."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.exceptions import CancelledError
from temporalio.testing import ActivityEnvironment

from activities.deciding import Deciding
from activities.reading import CloudReading
from activities.stores.directory import DirectoryStore
from holdfast.act import Look
from holdfast.model import Owner, Scope, Status
from holdfast.resource import Observation, Search

KIND = "aws.thing"
LOOK = Look(scope=Scope("aws", "123456789012", "eu-central-1"), kinds=(KIND,), owner=Owner("test", "shop"))
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
