"""What a person is told who waits: for a worker, for a cloud, or for a run that is not there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from holdfast.arbiter import Board
from holdfast.contract import Exit, Operation, State
from holdfast.errors import Unavailable
from holdfast.packed import pack
from holdfast.progress import Progress
from holdfast.run import Identity, Ledger, Report
from starter.cli import following
from tests.starter.conftest import Place

pytestmark = [pytest.mark.timeout(120)]


def test_a_plan_says_what_it_waits_for(place: Place) -> None:
    """A cloud that refuses to be read, and a queue that nobody works on, are named while `plan` and `up` wait."""
    place.cloud.control.refuse("ServiceUnavailable", status=503, action="DescribeVpcs")
    file = place.document()
    planned = place.ask("plan", file, "--timeout", "6s", "-o", "json")
    assert planned.code == planned.json["exit"] == Exit.timed_out
    assert f"{place.stack}: planning, asks again: AWS refused DescribeVpcs" in planned.err
    assert place.ask("up", file, "--yes", "--timeout", "6s").err.count("asks again: AWS refused DescribeVpcs")
    assert "asks again: AWS refused DescribeVpcs" in place.ask("status", place.stack).out
    running = place.ask("report", f"{place.stack}-1")
    assert running.code == Exit.not_found
    assert f"holdfast watch {place.stack}-1" in running.err
    unknown = place.ask("watch", f"{place.stack}-3")
    assert unknown.code == Exit.not_found
    assert f"there is no run {place.stack}-3" in unknown.err
    assert place.ask("cancel", f"{place.stack}-1").code == Exit.done


class _Away:
    """An installation whose worker is silent at the first look, and at the third."""

    def __init__(self) -> None:
        self.looks = 0

    async def board(self, stack: str) -> Board:
        return Board(stack=stack, current=f"{stack}-1", ledger=pack(Ledger()))

    async def watch(self, run: str, *, silence: float) -> AsyncIterator[Progress]:
        for _ in range(2):
            self.looks += 1
            if self.looks in {1, 3}:
                raise Unavailable("the worker does not answer")
            yield Progress(run=run, stack="pz", operation=Operation.up, state=State.walking, identity=_ADA)

    async def report(self, run: str) -> Report:
        return Report(run=run, stack="pz", operation=Operation.up, state=State.done, identity=_ADA)


_ADA = Identity(requester="ada")


async def test_a_worker_that_is_away_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever watches reads at once that nobody answers, and goes on watching when somebody does."""
    monkeypatch.setattr(following, "AGAIN", 0)
    said: list[str] = []
    holdfast: Any = _Away()
    report = await following._looked(holdfast, "pz-1", lambda _, waits: said.append(waits))
    away = "waiting: the worker does not answer"
    assert (report.state, said) == (State.done, [away, "", away, "", ""])
