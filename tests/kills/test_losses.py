"""Every verb and every loss, in real processes: one kill strikes them all. Judged from the cloud's ledger and world."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence

import pytest

from holdfast.contract import State
from tests.cloud import until
from tests.kills.conftest import Crew
from tests.kills.losses import LOSSES, AnswerLost, Loss, Scene
from tests.kills.parts import Part
from tests.kills.sites import SITES
from tests.kills.stacks import Stack

pytestmark = [pytest.mark.kill, pytest.mark.timeout(240)]


def _cases() -> Iterable[object]:
    """On AWS `make test` strikes with every loss once, half of them on the way forward and half on the way back;
    `make test-all` with each on both, on every cloud.
    """
    for cloud, site in SITES.items():
        for m, wave in enumerate(site.waves):
            for n, loss in enumerate(LOSSES):
                quick = cloud == "aws" and (n + m) % 2 == 0
                marks = () if quick else (pytest.mark.slow,)
                yield pytest.param(cloud, wave, loss, id=f"{cloud}-{wave}-{loss.name}", marks=marks)


@pytest.mark.parametrize("crew, wave, loss", list(_cases()), indirect=["crew"])
async def test_a_loss_leaves_no_orphan_and_no_duplicate(crew: Crew, wave: str, loss: Loss) -> None:
    """Whatever of a request or its answer is lost, the world ends as it would have, and a second up does nothing."""
    await strike(crew, loss, crew.site.waves[wave])


@pytest.mark.parametrize("crew", ["gcp", "azure"], indirect=True)
async def test_a_create_that_nobody_heard_of_is_not_repeated(crew: Crew) -> None:
    """Of each way in which a kind is made safe and marked, one is made, and its answer is lost."""
    await strike(crew, AnswerLost(), crew.site.waves["forward"][:1])


async def strike(crew: Crew, loss: Loss, parts: Sequence[Part]) -> None:
    """Let all parts suffer a loss at once, and judge."""
    stacks = [Stack(crew, part, f"{crew.stack}{'abcdefghi'[n]}") for n, part in enumerate(parts)]
    control, things = crew.cloud.control, crew.site.things
    await asyncio.gather(*(stack.prepare() for stack in stacks))
    world = things(crew.cloud)
    for stack in stacks:
        stack.look(world)
        stack.refuse()

    async def completed() -> int:
        return sum(await asyncio.gather(*(stack.completed() for stack in stacks)))

    targets = tuple(target for stack in stacks for target in stack.targets())
    lags = {**crew.site.lags, **crew.site.stale}
    scene = Scene(control, crew.worker, crew.wire, targets, completed, lags)
    loss.arm(scene)
    begun = control.health()["last"]
    running = asyncio.gather(*(stack.ask() for stack in stacks))
    await loss.strike(scene)
    reports = await running
    control.heal()
    await asyncio.to_thread(until, lambda: True if not control.late() else None, 20, "the late ones")
    control.settings(**dict.fromkeys(lags, 0))
    world = things(crew.cloud)
    wrong = [what for stack, report in zip(stacks, reports, strict=True) for what in stack.wrong(report, world)]
    made = Counter(one for entry in control.executed(since=begun) for one in entry.made)
    wrong += [f"{one} was made {times} times" for one, times in made.items() if times > 1]
    assert not wrong, "\n".join(wrong)
    last = control.health()["last"]
    states = await asyncio.gather(*(stack.ask_again() for stack in stacks))
    again = control.ledger(last)
    wrong = [
        f"{stack}: a second up ends {state}"
        for stack, state in zip(stacks, states, strict=True)
        if state is not State.unchanged
    ]
    wrong += [f"{stack}: a second up asks for {e.action}" for stack in stacks for e in again if stack.is_about(e)]
    assert not wrong, "\n".join(wrong)
    assert again == []


@pytest.mark.parametrize("crew", ["gcp", "azure"], indirect=True)
async def test_a_calm_day(crew: Crew) -> None:
    """Of each way in which a kind is made safe and marked, one is made, and left alone by a second up."""
    stack = Stack(crew, crew.site.waves["forward"][0], crew.stack)
    await _made(stack)


LAGGING = ["aws", *(pytest.param(cloud, marks=pytest.mark.slow) for cloud in ("gcp", "azure"))]


@pytest.mark.parametrize("crew", LAGGING, indirect=True)
async def test_a_plan_made_from_lists_that_lag(crew: Crew) -> None:
    """What a list does not show yet is not made again, and what it still shows is not taken for standing."""
    crew.cloud.control.settings(**crew.site.lags)
    stack = Stack(crew, crew.site.waves["forward"][0], crew.stack)
    for _ in range(2):
        await _made(stack)
        assert (await stack.down()).state is State.done
        assert stack.standing(crew.site.things(crew.cloud)) == {}


async def _made(stack: Stack) -> None:
    control, things = stack.crew.cloud.control, stack.crew.site.things
    report = await stack.ask()
    assert stack.wrong(report, things(stack.crew.cloud)) == []
    last = control.health()["last"]
    assert await stack.ask_again() is State.unchanged
    assert control.ledger(last) == []
