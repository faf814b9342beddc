"""The guided first evening, as a newcomer runs it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from activities.providers.gcp import labels
from holdfast.contract import Exit
from holdfast.document import bind_text
from holdfast.errors import InvalidInput, Refused
from holdfast.model import Address, Scope
from holdfast.resource import Search
from holdfast.testing.sim import OWNER
from starter.demo import counted, demo
from starter.local.state import State, write
from starter.plays import PLAYS, Play
from starter.standing import standing, twice
from tests.cloud import ROOT, until
from tests.starter.strays import all_gone, strays
from workers.catalog import catalog


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.name)
def test_the_example_is_the_demos_document(play: Play) -> None:
    """What the demo builds is what `examples` shows; and both of its documents are good ones."""
    file = play.document.name
    assert (ROOT / "examples" / file).read_text() == play.text
    assert {a.address.cloud for a in bind_text(play.text, file, catalog()).resources} == set(play.clouds)
    bind_text(play.longer, file, catalog(), dict(play.parameters))


async def test_the_demo_takes_no_directory_that_was_used(tmp_path: Path) -> None:
    """It would find a shop that stands already, and touch what is somebody's."""
    write(State(tmp_path, running=False, ports={"temporal": 1}))
    with pytest.raises(Refused, match="was started"):
        await demo(tmp_path)


async def test_the_demo_says_which_clouds_it_does_not_know(tmp_path: Path) -> None:
    """Not an error from the depths, but the way through."""
    with pytest.raises(InvalidInput, match="does not know mars"):
        await demo(tmp_path, clouds=("mars",))


def test_what_came_with_a_resource_is_not_taken_for_another() -> None:
    """A disk that bears its instance's mark is named as the instance's; what stands twice shows both ids."""

    def nobody(service: str) -> Any:
        raise AssertionError(f"{service} is not asked")

    place = Scope("gcp", "a-project", "europe-west3")
    marks = labels.wanted(Search(place, nobody, OWNER, address=Address("shop", "gcp.instance", "web")))
    world = {"p": {f"projects/p/zones/z/{kind}/web": {"labels": marks} for kind in ("disks", "instances")}}
    assert standing("gcp", world, "shop") == {"shop/gcp.instance/web": "web (with its disk)"}
    world["p"]["projects/p/zones/z/instances/other"] = world["p"]["projects/p/zones/z/instances/web"]
    assert standing("gcp", world, "shop") == {"shop/gcp.instance/web": "web, other (with its disk web)"}
    assert twice("gcp", world, "shop") == ["shop/gcp.instance/web"]


def test_what_can_bear_no_mark_is_counted_apart() -> None:
    """The count says as many as the plan did, and which kinds nobody can find by their marks."""
    assert counted(4, []) == "4 asked for, 4 stand"
    kinds = ["gcp.subnetwork", "gcp.subnetwork"]
    assert counted(9, kinds) == "11 asked for: 9 found by their marks, and 2 that can bear none (gcp.subnetwork)"


@pytest.mark.kill
@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "play", [pytest.param(p, id=p.name, marks=() if p.name == "aws" else pytest.mark.slow) for p in PLAYS]
)
async def test_the_evening_goes_as_promised_and_leaves_nothing(tmp_path: Path, play: Play) -> None:
    """A worker is killed and the run finishes; a run fails and is taken back; then nothing is left running."""
    said: list[str] = []
    assert await demo(tmp_path / "demo", say=said.append, clouds=play.clouds) is Exit.done
    assert not strays(tmp_path / "demo")
    for promise in (
        "⚡ kill -9",
        "nothing stands twice.",
        f"{play.stack}-2 is unchanged",
        f"{play.stack}-3 is undone",
        "it is the same.",
        "Nothing is left running.",
    ):
        assert any(promise in line for line in said), (promise, said)


@pytest.mark.kill
@pytest.mark.timeout(240)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=lambda how: how.name)
def test_a_demo_that_is_ended_leaves_nothing(tmp_path: Path, how: signal.Signals) -> None:
    """Ctrl-C in the middle, and even SIGKILL: the environment ends with it."""
    place = tmp_path / "demo"
    program = "import asyncio, sys; from pathlib import Path; from starter.demo import demo;"
    program += "asyncio.run(demo(Path(sys.argv[1])))"
    with subprocess.Popen([sys.executable, "-c", program, str(place)], stderr=subprocess.DEVNULL) as process:
        until(lambda: len(strays(place)) >= 5 or process.poll() is not None, 60, "everything to be started")
        assert process.poll() is None
        process.send_signal(how)
        process.wait(60)
    all_gone(place, within=40)
