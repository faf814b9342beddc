"""An arbiter and a run refuse with a letter that says what to do next."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from temporalio.exceptions import ApplicationError

from activities.letters import from_temporal
from holdfast.arbiter import Desk, Queued, Withdraw
from holdfast.contract import Operation
from holdfast.errors import Letter, NotAllowed
from holdfast.model import Address
from holdfast.run import Identity, Request
from workflows import provision, stack

ADA = Identity(requester="ada")


def _request(operation: Operation = Operation.up, name: str = "shop", id: str = "new") -> Request:  # noqa: A002
    return Request(id=id, stack=name, operation=operation, identity=ADA, installation="test")


def _arbiter(waiting: int = 0) -> stack.Stack:
    now = datetime.now(UTC)
    queue = tuple(Queued(run=f"shop-{n}", request=_request(id=str(n)), at=now) for n in range(1, waiting + 1))
    return stack.Stack(Desk(stack="shop", restored=True, queue=queue))


def _withdraw(arbiter: stack.Stack, run: str, *, starting: str = "") -> None:
    arbiter._starting = starting
    arbiter._may_withdraw(Withdraw(identity=ADA, run=run))


REFUSED: dict[str, tuple[str, Callable[[], None]]] = {
    "another stack's": ("Refused", lambda: _arbiter()._may_submit(_request(name="other"))),
    "a recover": ("Refused", lambda: _arbiter()._may_submit(_request(Operation.recover))),
    "a full queue": ("QuotaExceeded", lambda: _arbiter(stack.LONGEST_QUEUE)._may_submit(_request())),
    "none in the queue": ("NotFound", lambda: _withdraw(_arbiter(1), "shop-9")),
    "one that begins": ("Refused", lambda: _withdraw(_arbiter(1), "shop-1", starting="shop-1")),
}


@pytest.mark.parametrize("why", REFUSED)
def test_an_arbiter_refuses_with_what_to_do_next(why: str) -> None:
    """Also where a request was made from code: the letter is whole when it comes back."""
    error, ask = REFUSED[why]
    with pytest.raises(ApplicationError) as refused:
        ask()
    (letter,) = refused.value.details
    assert isinstance(letter, Letter)
    assert (letter.error, refused.value.type) == (error, error)
    assert letter.next
    told = ApplicationError("as it arrives", letter.model_dump(mode="json"), type=error)
    assert from_temporal(told).letter == letter


def test_every_refusal_of_an_arbiter_is_held() -> None:
    """No other way of refusing, of an arbiter or a run, leads around what must be said."""
    validators = [
        inspect.getsource(v)
        for workflow in (stack.Stack, provision.Provision)
        for name, v in vars(workflow).items()
        if name.startswith("_may_")
    ]
    assert len(validators) == 4
    raised = [word for source in validators for word in re.findall(r"raise (\w+)", source)]
    assert set(raised) == {"refusal"}
    assert sum("refusal(" in line for line in inspect.getsource(stack).splitlines()) == len(REFUSED)


def test_what_may_be_asked_is_not_refused() -> None:
    """A queue with a place left takes a request, and one that was made before; what waits can be withdrawn."""
    _arbiter(stack.LONGEST_QUEUE - 1)._may_submit(_request())
    _withdraw(_arbiter(1), "shop-1")


def test_a_letter_advises_about_its_own_kind() -> None:
    """A door does not know of which kind what it was asked for is; who carries the act out does."""
    advice = "compare the roles with the kind's permissions: `holdfast kinds KIND`"
    error = NotAllowed("no", next=advice).about(Address.parse("shop/aws.vpc/net"))
    assert error.letter.next == "compare the roles with the kind's permissions: `holdfast kinds aws.vpc`"
    assert NotAllowed("no", next="look").about(Address.parse("shop/aws.vpc/net")).letter.next == "look"
