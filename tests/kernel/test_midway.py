"""An update whose members take a call each: what it may leave when it is cut off, and what another hand left."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.diff import is_midway, undo_changes
from holdfast.plan import FieldChange
from holdfast.testing.sim import SimThing


class Stepwise(SimThing):
    """A thing whose `uses` are written one by one."""

    stepwise = frozenset({"uses"})


KIND = Stepwise()
CHANGE = FieldChange(path="uses", before=["a", "b"], after=["b", "c", "d"])


@pytest.mark.parametrize(
    "stands, midway",
    [
        (["b"], True),
        (["a", "b", "c"], True),
        (["b", "d"], True),
        (["a", "b"], True),
        (["b", "c", "d"], True),
        (["a"], False),
        (["b", "x"], False),
        (None, False),
    ],
)
def test_what_is_midway(stands: Any, midway: bool) -> None:
    """Midway is what holds every member that stays, and none that was never meant to be."""
    assert is_midway(KIND, "uses", CHANGE.before, stands, CHANGE.after) is midway
    assert not is_midway(SimThing(), "uses", CHANGE.before, stands, CHANGE.after)


def test_an_update_cut_off_is_taken_back() -> None:
    """What an update left midway is written back whole; what another hand added beside it is not touched."""
    to_write, foreign = undo_changes([CHANGE], {"uses": ["b", "c"]}, kind=KIND)
    assert [(c.before, c.after) for c in to_write] == [(["b", "c"], ["a", "b"])]
    assert not foreign
    to_write, foreign = undo_changes([CHANGE], {"uses": ["b", "c", "x"]}, kind=KIND)
    assert not to_write
    assert [c.path for c in foreign] == ["uses"]


def test_an_update_cut_off_is_taken_back_to_new_ids() -> None:
    """A member that died meanwhile counts as what stands for it now."""
    to_write, foreign = undo_changes([CHANGE], {"uses": ["b", "c"]}, {"a": "z"}, KIND)
    assert [c.after for c in to_write] == [["b", "z"]]
    assert not foreign
