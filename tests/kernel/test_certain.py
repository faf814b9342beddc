"""When a refusal is certain: nothing can have come of the act, so its undo looks once and claims nothing."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.asked import Asked
from activities.verbs import _Letters
from holdfast.act import Act
from holdfast.errors import HoldfastError, Letter, NameTaken, NotAllowed, Unavailable
from holdfast.plan import Verb
from holdfast.testing.sim import OWNER, SCOPE, address


class Stay(Asked):
    """A visit after requests: `r` reads, `w` changes; a capital one was refused, and after `?` nothing was heard."""

    client: Any = None

    def __init__(self, asked: str) -> None:
        super().__init__()
        self.told = asked
        for one in asked.rstrip("?"):
            self.asks(changes=one in "wW")
            self.hears(refused=one.isupper())
        if asked.endswith("?"):
            self.answered = False

    def __repr__(self) -> str:
        return f"Stay({self.told})"


def _letter(error: HoldfastError, visit: Stay, **facts: Any) -> Letter:
    facts = {"verb": Verb.create, **facts}
    act = Act(address=address("web"), scope=SCOPE, plan="0", seq=0, token="t", owner=OWNER, **facts)

    def carried() -> None:
        with _Letters(act, lambda _: visit):
            raise error

    with pytest.raises(ApplicationError) as said:
        ActivityEnvironment().run(carried)
    return Letter.model_validate(said.value.details[0])


@pytest.mark.parametrize(
    "error, visit, facts, certain",
    [
        (NotAllowed("no"), Stay("W"), {}, True),
        (NotAllowed("no"), Stay("rrW"), {}, True),  # what was read before changes nothing
        (NotAllowed("no"), Stay("rR"), {}, True),  # nothing was asked but to read
        (NotAllowed("no"), Stay("wW"), {}, False),  # the first of two may have made something
        (NotAllowed("no"), Stay("wR"), {}, False),
        (NotAllowed("no"), Stay("w"), {}, False),  # it was taken; what was made of the answer is ours
        (NameTaken("it stands"), Stay("rWr"), {}, True),  # looked for, found, and looked at once more: another hand's
        (NameTaken("it stands"), Stay("rWr?"), {}, False),
        (NameTaken("it stands"), Stay("W"), {"repeated": True}, False),  # an earlier delivery may have made it
        (NotAllowed("no"), Stay("W"), {"back": True}, False),
        (Unavailable("nobody answers"), Stay("W?"), {}, False),
    ],
    ids=str,
)
def test_a_refusal_is_certain(error: HoldfastError, visit: Stay, facts: dict[str, Any], certain: bool) -> None:
    assert _letter(error, visit, **facts).certain is certain
