"""Death of the others: both workers at once, the server, the client that waits, and all of them while a run asks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from holdfast.contract import Exit
from tests.cloud import LocalAws
from tests.command import ended
from tests.kills.house import House, eventually, press, watching
from tests.kills.house import house as opened

pytestmark = [pytest.mark.kill, pytest.mark.timeout(240)]

_numbers = itertools.count(1)

# Three layers: what is held in the second is in the middle of the walk.
TREE = """
  net: {kind: aws.vpc, spec: {cidr: 10.0.0.0/16}}
  one: {kind: aws.volume, depends_on: [net], spec: {zone: eu-central-1a, size: 1}}
  two: {kind: aws.volume, depends_on: [net], spec: {zone: eu-central-1a, size: 1}}
  last: {kind: aws.vpc, depends_on: [one, two], spec: {cidr: 10.1.0.0/16}}
"""
STANDING = {"net": 1, "one": 1, "two": 1, "last": 1}
NET = "  net: {kind: aws.vpc, spec: {cidr: 10.0.0.0/16}}\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, cloud: LocalAws) -> Iterator[House]:
    with opened(tmp_path_factory.mktemp("house"), cloud, "house") as home:
        yield home


@pytest.fixture
def house(home: House) -> House:
    """What the test before has left, with nothing in it."""
    home.anew(f"house{next(_numbers)}")
    return home


def test_both_workers_die_in_the_middle_of_a_walk(house: House) -> None:
    """With the workers of both queues killed and started again, the run ends with each resource once."""
    control, file = house.cloud.control, house.document(TREE)
    control.hold(action="CreateVolume", count=2)
    assert house.ask("up", file, "--yes", "--no-wait").code == Exit.done
    eventually(house, "CreateVolume", 2)
    house.kill_workers()
    control.release(drop=True)
    house.start_workers()
    watched = house.ask("watch", f"{house.stack}-1")
    assert watched.code == Exit.done, watched
    assert house.named() == STANDING
    house.unchanged(file)


def test_the_server_dies_in_the_middle_of_a_walk(house: House) -> None:
    """A server that was killed, and comes back on its file and port, goes on; whoever watched the run still does."""
    control, file = house.cloud.control, house.document(TREE)
    control.hold(action="CreateVolume", count=2)
    assert house.ask("up", file, "--yes", "--no-wait").code == Exit.done
    eventually(house, "CreateVolume", 2)
    waiting = watching(house, f"{house.stack}-1")
    house.server.kill()
    control.release()  # the workers have their answers, and nobody to tell
    house.server.start()
    watched = ended(waiting, 150)
    assert watched.code == Exit.done, watched
    assert house.named() == STANDING
    house.unchanged(file)


def test_the_client_dies_or_leaves(house: House) -> None:
    """A run goes on when the `up` that waits for it is killed, and when it is left with Ctrl-C; `watch` shows it."""
    control, file, run = house.cloud.control, house.document(TREE), f"{house.stack}-1"
    control.hold(action="CreateVolume", count=2)
    waiting = house.begin("up", file, "--yes")
    eventually(house, "CreateVolume", 2)
    waiting.kill()
    assert ended(waiting).code == -9
    left = press(watching(house, run))
    assert left.code == Exit.timed_out, left
    assert f"{run} goes on without us\nNext: `holdfast watch {run}` shows it again" in left.err
    assert house.ask("status", house.stack, "-o", "json").json["run"] == run
    control.release()
    assert house.ask("watch", run).code == Exit.done
    assert house.named() == STANDING
    # The same of an `up`: the run that it began is left alone.
    control.hold(action="DeleteVolume", count=2)
    second = house.begin("up", house.document(NET), "--yes")
    eventually(house, "DeleteVolume", 1)
    left = press(second)
    assert left.code == Exit.timed_out, left
    assert f"holdfast watch {house.stack}-2" in left.err
    control.heal()
    control.release()
    assert house.ask("watch", f"{house.stack}-2").code == Exit.done
    assert house.named() == {"net": 1}


def test_a_question_outlives_everybody(house: House) -> None:
    """A run that waits for an answer still asks after workers and server were killed, and goes on when answered."""
    control, file = house.cloud.control, house.document(TREE)
    address = f"{house.stack}/aws.volume/one"
    rule = control.refuse("VolumeLimitExceeded", action="CreateVolume", contains=address)
    asked = house.ask("up", file, "--yes", "--on-failure", "pause", "-o", "json")
    assert (asked.code, asked.json["questions"]) == (Exit.waiting, [address]), asked
    house.kill_workers()
    house.server.kill()
    house.server.start()
    house.start_workers()
    status = house.ask("status", house.stack)
    assert status.code == Exit.done, status
    assert f"asks: `holdfast resolve {address} retry|skip|rollback --run {house.stack}-1`" in status.out
    control.heal(rule)
    assert house.ask("resolve", address, "retry").code == Exit.done
    watched = house.ask("watch", f"{house.stack}-1")
    assert watched.code == Exit.done, watched
    assert house.named() == STANDING
    house.unchanged(file)
