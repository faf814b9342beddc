"""Desired against live, three ways, and the same changes taken back."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from holdfast.diff import apply_changes, arrived, invert, is_after, is_before, renamed_in, three_way, undo_changes
from holdfast.plan import Action, FieldChange, Undo, UndoLabel, Verb
from holdfast.secret import Secret
from holdfast.testing.sim import SCOPE, SimThing, ThingSpec, address, ref

KIND = SimThing()
LIVE = {k: v for k, v in ThingSpec(name="web").plain().items() if k != "seal"}


def diff(desired: dict[str, Any], last: dict[str, Any] | None = None, **live: Any) -> dict[str, tuple[Any, Any]]:
    changes = three_way(KIND, LIVE | desired, last, LIVE | live)
    return {c.path: (c.before, c.after) for c in changes}


values = st.fixed_dictionaries(
    {
        "size": st.integers(1, 3),
        "base": st.none() | st.sampled_from(["id-1", "id-2"]),
        "uses": st.lists(st.sampled_from(["id-1", "id-2", "id-3"]), unique=True),
        "tags": st.dictionaries(st.sampled_from(["a", "b.c"]), st.sampled_from("xy")),
    }
)


@given(desired=values, last=st.none() | values, live=values)
def test_writing_the_changes_leaves_none(
    desired: dict[str, Any], last: dict[str, Any] | None, live: dict[str, Any]
) -> None:
    """What is written is what was missing: compared again, nothing differs."""
    changes = three_way(KIND, desired, last, live)
    after = apply_changes(KIND.canonical(live), changes)
    assert three_way(KIND, desired, desired, after) == ()
    assert is_after(after, changes)
    assert is_before(KIND.canonical(live), changes)


@given(desired=values, last=st.none() | values, live=values)
def test_an_inverted_change_leads_back(
    desired: dict[str, Any], last: dict[str, Any] | None, live: dict[str, Any]
) -> None:
    """Changes and their inverse leave what was there, and undoing finds the same way without being told."""
    before = KIND.canonical(live)
    changes = three_way(KIND, desired, last, live)
    after = apply_changes(before, changes)
    assert apply_changes(after, invert(changes)) == before
    to_write, foreign = undo_changes(changes, after, kind=KIND)
    assert apply_changes(after, to_write) == before
    assert foreign == ()


def test_a_key_of_anothers_hand_is_left_alone() -> None:
    """A tag that we never set stays, and one that we set and no longer want goes."""
    wanted = {"tags": {"ours": "1"}}
    assert diff(wanted, {"tags": {"old": "1"}}, tags={"ours": "1", "theirs": "1"}) == {}
    assert diff(wanted, {"tags": {"old": "1"}}, tags={"ours": "1", "old": "1"}) == {"tags.old": ("1", None)}


def test_what_is_left_out_is_not_managed() -> None:
    """A field left out is the cloud's choice, but a value that we once set there is withdrawn."""
    assert diff({"size": None}, size=9) == {}
    assert diff({"size": None}, {"size": 9}, size=9) == {"size": (9, None)}
    assert diff({"size": None}, {"size": 9}, size=7) == {}
    assert diff({"zone": None}, {"zone": "a"}, zone="a") == {}


def test_what_cannot_be_read_is_compared_with_what_was_written() -> None:
    """A write-only field changes when the document does, and is not a change when nobody knows what was written."""
    assert diff({"seal": "new"}, {"seal": "old"}) == {"seal": ("old", "new")}
    assert diff({"seal": "same"}, {"seal": "same"}) == {}
    assert diff({"seal": "new"}) == {}


def test_a_secret_is_compared_by_its_reference() -> None:
    """What live shows of a secret is neither compared nor shown."""
    wanted, old = {"tags": {"key": Secret("env:NEW")}}, {"tags": {"key": Secret("env:OLD")}}
    changes = diff(wanted, old, tags={"key": "hunter2"})
    assert changes == {"tags.key": ({"$secret": "env:OLD"}, {"$secret": "env:NEW"})}
    assert diff(wanted, wanted, tags={"key": "hunter2"}) == {}
    assert "hunter2" not in str(diff(wanted, None, tags={"key": "hunter2"}))


def test_what_is_not_known_is_a_change_until_it_arrives() -> None:
    """A reference to what is not there yet is a change, and may turn out to be none."""
    desired = LIVE | {"uses": [ref("b"), ref("a")]}
    live = LIVE | {"uses": ["id-1", "id-2"]}
    changes = three_way(KIND, desired, None, live)
    assert [c.path for c in changes] == ["uses"]
    assert "$unknown" in str(changes[0].after)
    action = Action(
        seq=0,
        verb=Verb.update,
        address=address("web"),
        scope=SCOPE,
        spec={k: v for k, v in LIVE.items() if k != "uses"} | {"uses": [{"$unknown": ref(n).text} for n in "ba"]},
        before=live,
        changes=changes,
        undo=Undo(label=UndoLabel.exact, verb=Verb.update),
    )
    same = {f"{address('a')}#id": "id-1", f"{address('b')}#id": "id-2"}
    assert arrived(KIND, action, same) == ()
    other = arrived(KIND, action, same | {f"{address('b')}#id": "id-3"})
    assert [(c.path, c.after) for c in other] == [("uses", ["id-1", "id-3"])]


def test_undo_stops_where_another_hand_was() -> None:
    """A field that another hand has changed since is named, and the others go back."""
    changes = [FieldChange(path="size", before=1, after=2), FieldChange(path="tags.a", before=None, after="x")]
    to_write, foreign = undo_changes(changes, {"size": 5, "tags": {"a": "x"}})
    assert [(c.path, c.after) for c in to_write] == [("tags.a", None)]
    assert [(c.path, c.before, c.after) for c in foreign] == [("size", 5, 1)]


def test_undo_knows_the_new_names_of_the_dead() -> None:
    """A reference to what died in between is written back to what stands for it, also when that is learnt later."""
    changes = [FieldChange(path="uses", before=["id-1", "id-2"], after=[])]
    first, _ = undo_changes(changes, {"uses": []}, {"id-2": "id-9"}, KIND)
    assert first[0].after == ["id-1", "id-9"]
    second, foreign = undo_changes(changes, {"uses": ["id-1", "id-9"]}, {"id-2": "id-9", "id-1": "id-91"}, KIND)
    assert (second[0].after, foreign) == (["id-9", "id-91"], ())
    assert renamed_in({"a": ["id-1", "id-10"]}, {"id-1": "x"}) == {"a": ["x", "id-10"]}
