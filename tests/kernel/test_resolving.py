"""What is owed is looked up without holding up the worker that looks."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from activities import salvage
from holdfast.contract import Answer, Operation
from holdfast.errors import Letter
from holdfast.packed import pack
from holdfast.plan import Plan, Verb
from holdfast.run import Charge, Fate, Identity, Journal, Ledger, Owed, Request, Trace
from holdfast.testing import sim


async def test_a_plan_is_fetched_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store may take its time: meanwhile the control worker's loop goes on, and with it all its heartbeats."""
    at = sim.address("web")
    owed = Owed(
        address=at,
        fate=Fate.stuck,
        verb=Verb.create,
        letter=Letter(error="Refused", happened="no"),
        run="shop-1",
        plan="digest",
        plan_id="id",
        execution="one",
        trace=Trace(seq=0, fate=Fate.stuck),
    )
    request = Request(
        id="1",
        stack=at.stack,
        operation=Operation.resolve,
        identity=Identity(requester="me"),
        installation="test",
        subject=at,
        answer=Answer.retry,
    )
    threads: list[int] = []

    def plans(_: str) -> Plan:
        threads.append(threading.get_ident())
        return Plan(stack=at.stack, operation="up")

    async def journal(*_: Any) -> Journal:
        return Journal()

    monkeypatch.setattr(salvage, "_journal_of", journal)
    charge = Charge(run="shop-2", request=request, ledger=pack(Ledger()), owed=(owed,))
    found = await salvage.salvage(None, plans, charge, "two")  # type: ignore[arg-type]  # nothing is asked of the server
    assert found.plan_id == "id"
    [thread] = threads
    assert thread != threading.get_ident()
