"""What a listing says of a stack while a run changes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from holdfast.contract import Activity, Operation, State, act_id, seq_of
from holdfast.model import Address
from holdfast.plan import Verb
from holdfast.progress import Progress, Row, seen_at, standing
from holdfast.run import Entry, Fate, Identity
from holdfast.testing.sim import SCOPE, address


def _entry(name: str, remote_id: str) -> Entry:
    return Entry(address=address(name), scope=SCOPE, remote_id=remote_id, run="shop-1")


def _row(name: str, verb: Verb, fate: Fate, remote_id: str | None) -> Row:
    return Row(address=address(name), verb=verb, fate=fate, remote_id=remote_id)


def _progress(*rows: Row) -> Progress:
    who = Identity(requester="ada")
    return Progress(run="shop-2", stack="shop", operation=Operation.up, state=State.walking, identity=who, rows=rows)


def _said(entries: tuple[Entry, ...], *rows: Row) -> list[tuple[Address, str, str, str]]:
    return [tuple(s) for s in standing(entries, _progress(*rows))]  # type: ignore[misc]


def test_what_a_run_has_made_so_far_is_listed() -> None:
    """A resource stands from the moment it is made; what was taken back, or was never asked for, does not."""
    rows = (
        _row("net", Verb.create, Fate.done, "id-1"),
        _row("app", Verb.create, Fate.settling, "id-2"),
        _row("top", Verb.create, Fate.acting, None),
        _row("old", Verb.create, Fate.undone, "id-3"),
    )
    assert _said((), *rows) == [
        (address("net"), "id-1", "stands", "shop-2"),
        (address("app"), "id-2", "settling", "shop-2"),
    ]


def test_what_a_run_has_removed_is_not_listed() -> None:
    """A replaced half, and whatever else is deleted or let go of, leaves the listing at once; the rest stays."""
    entries = (_entry("net", "id-1"), _entry("app", "id-2"), _entry("top", "id-3"))
    rows = (
        _row("net", Verb.create, Fate.done, "id-9"),
        _row("net", Verb.delete, Fate.done, "id-1"),
        _row("app", Verb.disown, Fate.done, "id-2"),
        _row("top", Verb.delete, Fate.acting, "id-3"),
    )
    assert _said(entries, *rows) == [
        (address("top"), "id-3", "stands", "shop-1"),
        (address("net"), "id-9", "stands", "shop-2"),
    ]


def test_the_time_left_grows_while_a_run_stands_still() -> None:
    """A run tells the time of its last event; whoever looks later is told as much more, and no time that has passed."""
    at = datetime(2026, 11, 30, tzinfo=UTC)
    acting = _row("net", Verb.create, Fate.acting, None).model_copy(update={"since": at - timedelta(seconds=5)})
    told = _progress(acting).model_copy(update={"now": at, "left": timedelta(seconds=40)})
    assert seen_at(told, at).left == timedelta(seconds=40)
    assert seen_at(told, at + timedelta(minutes=2)).left == timedelta(seconds=160)
    used_up = told.model_copy(update={"left": timedelta(seconds=1)})
    assert seen_at(used_up, at + timedelta(minutes=2)).left is None
    assert seen_at(told, at - timedelta(minutes=2)).left == timedelta(seconds=40)  # clocks differ


def test_a_step_is_found_by_the_id_of_its_activity() -> None:
    """Forward, back and settling alike; whatever else a run asks belongs to no step."""
    for activity in (Activity.create, Activity.settle):
        for back in (False, True):
            assert seq_of(act_id(activity, 12, "4ef7f72e-e2a7", back=back)) == 12
    assert seq_of("3") is None
