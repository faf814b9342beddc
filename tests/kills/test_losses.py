"""Every verb and every loss, in real processes: one kill strikes them all. Judged from the cloud's ledger and world."""

from __future__ import annotations

import asyncio

import pytest

from holdfast.contract import State
from tests.cloud import until
from tests.kills.conftest import Crew
from tests.kills.losses import LOSSES, Loss, Scene
from tests.kills.parts import THREE, WAVES, Part
from tests.kills.stacks import Stack

pytestmark = [pytest.mark.kill, pytest.mark.timeout(240)]

# `make test` strikes with every loss once, half of them on the way forward and half on the way back; `make test-all`
# with each on both.
CASES = [
    pytest.param(wave, loss, id=f"{wave}-{loss.name}", marks=() if (n + m) % 2 == 0 else pytest.mark.slow)
    for m, wave in enumerate(WAVES)
    for n, loss in enumerate(LOSSES)
]


@pytest.mark.parametrize("wave, loss", CASES)
async def test_a_loss_leaves_no_orphan_and_no_duplicate(crew: Crew, wave: str, loss: Loss) -> None:
    """Whatever of a request or its answer is lost, the world ends as it would have, and a second up does nothing."""
    stacks = [Stack(crew, part, f"{crew.stack}{'abcdefghi'[n]}") for n, part in enumerate(WAVES[wave])]
    control = crew.cloud.control
    await asyncio.gather(*(stack.prepare() for stack in stacks))
    for stack in stacks:
        stack.refuse()

    async def completed() -> int:
        return sum(await asyncio.gather(*(stack.completed() for stack in stacks)))

    targets = tuple(target for stack in stacks for target in stack.targets())
    scene = Scene(control, crew.worker, crew.wire, targets, completed)
    loss.arm(scene)
    running = asyncio.gather(*(stack.ask() for stack in stacks))
    await loss.strike(scene)
    reports = await running
    control.heal()
    await asyncio.to_thread(until, lambda: True if not control.late() else None, 20, "the late ones")
    control.settings(new_list_lag_seconds=0, stale_seconds=0, deleted_lag_seconds=0)
    world = control.world()
    wrong = [what for stack, report in zip(stacks, reports, strict=True) for what in stack.wrong(report, world)]
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


async def test_a_plan_made_from_lists_that_lag(crew: Crew) -> None:
    """What a list does not show yet is not made again, and what it still shows is not taken for standing."""
    control = crew.cloud.control
    control.settings(new_list_lag_seconds=5, deleted_lag_seconds=5, tag_api_lag_seconds=5)
    stack = Stack(crew, Part("create", None, THREE, (), THREE), crew.stack)
    for _ in range(2):
        report = await stack.ask()
        assert stack.wrong(report, control.world()) == []
        last = control.health()["last"]
        assert await stack.ask_again() is State.unchanged
        assert control.ledger(last) == []
        assert (await stack.down()).state is State.done
        assert stack.standing(control.world()) == {}
