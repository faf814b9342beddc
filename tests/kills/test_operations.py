"""Operations that take their time: waited for by name, by whoever is alive, and asked anew where they end badly."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.contract import Exit
from tests.cloud import Entry, until
from tests.command import ended
from tests.kills.trio import Trio
from tests.kills.trio import trio as opened

pytestmark = [pytest.mark.kill, pytest.mark.timeout(240)]

NET = "  net: {kind: gcp.network, scope: google, spec: {name: trio}}\n"
PROJECT = "  shop: {kind: gcp.project, scope: google, spec: {project_id: shop-new-1, parent: organizations/1}}\n"
ROBOT = "  robot: {kind: gcp.service_account, scope: google, depends_on: [net], spec: {account_id: trio-robot}}\n"


_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trio]:
    with opened(tmp_path_factory.mktemp("operations"), ["gcp"]) as house:
        yield house


@pytest.fixture
def home(house: Trio) -> Trio:
    """What the test before has left, with nothing in it."""
    house.anew(f"slow{next(_numbers)}")
    return house


def asked(home: Trio, action: str) -> list[Entry]:
    return [entry for entry in home.control("gcp").ledger() if entry.action == action]


@pytest.mark.slow
def test_an_operation_outlives_whoever_began_it(home: Trio) -> None:
    """Both workers die while it is at work. Others look at it by its name; nothing is asked for twice."""
    file, control = home.document(NET), home.control("gcp")
    control.settings(operation_seconds=3600)
    running = home.begin("up", file, "--yes", "-o", "json")
    until(lambda: "settling" in home.ask("status", home.stack).out, 60, "the settling")
    home.kill_workers()
    home.start_workers()
    control.step(3600)
    said = ended(running)
    assert (said.code, said.json["state"]) == (0, "done"), said
    assert len(asked(home, "networks.insert")) == 1
    home.unchanged(file)


def test_one_that_ends_badly_for_a_passing_reason_is_asked_anew(home: Trio) -> None:
    """Each time under another request id, since the same one would be answered with the operation that failed."""
    file, control = home.document(NET), home.control("gcp")
    control.settings(operation_errors={"networks.insert": "RESOURCE_NOT_READY"})
    running = home.begin("up", file, "--yes", "-o", "json")
    until(lambda: len(asked(home, "networks.insert")) >= 3, 90, "the third request")
    home.workers["gcp"].kill()
    home.workers["gcp"].start("gcp")
    control.settings(operation_errors={})
    said = ended(running, 120)
    assert (said.code, said.json["state"]) == (0, "done"), said
    entries = asked(home, "networks.insert")
    ids = [entry.token for entry in entries if entry.outcome == "executed"]
    assert len(set(ids)) >= 4
    home.unchanged(file)


@pytest.mark.slow
def test_one_that_ends_badly_for_good_turns_the_run_round(home: Trio) -> None:
    """Its own words are the cause; what was made before is taken back."""
    control = home.control("gcp")
    control.settings(operation_errors={"networks.insert": "QUOTA_EXCEEDED"})
    document = ROBOT.replace("depends_on: [net], ", "") + NET.replace(
        "scope: google", "scope: google, depends_on: [robot]"
    )
    said = home.ask("up", home.document(document), "--yes", "-o", "json")
    assert said.code == Exit.undone, said
    assert said.json["cause"]["error"] == "QuotaExceeded"
    assert "net" in said.json["cause"]["address"]
    assert home.standing() == []


def test_a_run_is_taken_back_while_an_operation_is_at_work(home: Trio) -> None:
    """Cancelled in the middle of an insert, whose network nobody can see yet: the undo waits for it, and removes it."""
    control = home.control("gcp")
    control.settings(operation_seconds=3600, pending_seconds=3600)
    running = home.begin("up", home.document(NET), "--yes", "-o", "json")
    until(lambda: "settling" in home.ask("status", home.stack).out, 60, "the settling")
    assert home.ask("cancel", f"{home.stack}-1", "--reason", "enough").code == Exit.done
    until(lambda: "undoing" in home.ask("status", home.stack).out, 60, "the walk back")
    control.step(7200)
    control.settings(operation_seconds=0, pending_seconds=0)
    said = ended(running, 120)
    assert said.code == Exit.cancelled, said
    assert home.standing() == []


@pytest.mark.parametrize(
    "kind", ["gcp.network, spec: {name: trio}", "gcp.service_account, spec: {account_id: trio-robot}"]
)
def test_a_new_project_in_which_nothing_is_enabled(home: Trio, kind: str) -> None:
    """A closed API refuses what is made, and to be looked at as well: the project is taken back all the same."""
    control = home.control("gcp")
    control.settings(new_projects_open=False, manager_seconds=0)
    file = Path(home.document(f"{PROJECT}  inner: {{scope: google, depends_on: [shop], kind: {kind}}}\n"))
    file.write_text(file.read_text().replace("account: shop-prod", "account: shop-new-1"))
    said = home.ask("up", str(file), "--yes", "-o", "json")
    assert said.code == Exit.undone, said
    assert said.json["cause"]["error"] == "NotAllowed"
    assert "inner" in said.json["cause"]["address"]
    assert [len(control.executed(f"projects.{verb}")) for verb in ("insert", "delete")] == [1, 1]
