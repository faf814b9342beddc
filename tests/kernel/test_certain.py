"""When a refusal is certain: nothing can have come of the act, so its undo looks once and claims nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.verbs import _Letters
from holdfast.act import Act
from holdfast.errors import HoldfastError, Letter, NameTaken, NotAllowed, Unavailable
from holdfast.plan import Verb
from holdfast.testing.sim import OWNER, SCOPE, address


@dataclass
class Stay:
    """A visit after so many requests."""

    calls: int
    answered: bool = True
    requests: tuple[str, ...] = ()
    client: Any = field(default=None, repr=False)


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
        (NotAllowed("no"), Stay(1), {}, True),
        (NotAllowed("no"), Stay(2), {}, False),  # the first of two may have made something
        (NameTaken("it stands"), Stay(3), {}, True),  # looked for, found, and looked at once more: another hand's
        (NameTaken("it stands"), Stay(3, answered=False), {}, False),
        (NameTaken("it stands"), Stay(1), {"repeated": True}, False),  # an earlier delivery may have made it
        (NotAllowed("no"), Stay(1), {"back": True}, False),
        (Unavailable("nobody answers"), Stay(1, answered=False), {}, False),
    ],
    ids=str,
)
def test_a_refusal_is_certain(error: HoldfastError, visit: Stay, facts: dict[str, Any], certain: bool) -> None:
    assert _letter(error, visit, **facts).certain is certain
