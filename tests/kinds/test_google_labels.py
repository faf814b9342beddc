"""Marks as labels: within Google's alphabet, never two alike, and read back as they were."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from activities.providers.gcp import labels
from holdfast.model import KEY, NAME, STACK, Address, Owner, Scope
from holdfast.resource import Call, Search

KIND = r"gcp\.[a-z][a-z0-9_]{0,40}"
SCOPE = Scope("gcp", "a-project", "europe-west1")
owners = st.builds(Owner, st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True), st.from_regex(STACK, fullmatch=True))
FULL = labels.LONGEST
# Of what escapes are made of, and as long as what a label holds, more often than chance would have it.
odd = st.text("_9-aZ", max_size=62)
filling = st.builds(
    lambda end, before: "a" * max(0, FULL - len(labels.written(end)) - before) + end,
    st.text("_9-aZ", min_size=1, max_size=6),
    st.integers(-2, 4),
).filter(lambda text: len(text) < FULL)
keys = odd.filter(bool) | filling | st.text("_9.-Z", min_size=1, max_size=64) | st.from_regex(KEY, fullmatch=True)
names = st.from_regex(rf"{NAME}(\[{KEY}\])?", fullmatch=True) | st.builds(
    lambda base, key: f"{base}[{key}]" if key else base,
    st.builds("a{}".format, odd) | st.builds("_{}".format, odd) | filling.filter(re.compile(NAME).fullmatch),
    st.none() | keys,
)
VALUE = re.compile(r"[a-z0-9_-]{1,63}")


def nobody(service: str) -> Any:
    raise AssertionError(f"{service} is asked")


@st.composite
def calls(draw: st.DrawFn) -> Call[Any]:
    owner = draw(owners)
    address = Address(owner.stack, draw(st.from_regex(KIND, fullmatch=True)), draw(names))
    return Call(address, SCOPE, owner, client=nobody, token=str(draw(st.uuids())))


def one(name: str) -> Call[Any]:
    return Call(Address("shop", "gcp.disk", name), SCOPE, Owner("holdfast", "shop"), client=nobody, token="t")


def nines(law: Any) -> Any:
    """With names that end in what says that a name goes on, and with escapes cut in two by the end of a label."""
    ends = ["x_9", "a[x_9]", "x__9", "a[b_9]", "_9", "x9", "x_", f"{'a' * 61}_9", f"a[{'_9' * 32}]"]
    cut = [f"a[{'x' * n}{end}]" for n in range(54, 62) for end in ("_9", "Z9", ".9", "_", "__9", "_yy")]
    for name in [*ends, *cut]:
        law = example(one(name))(law)
    return law


@nines
@given(calls())
def test_what_is_written_is_read(call: Call[Any]) -> None:
    marks = labels.marks(call)
    assert all(VALUE.fullmatch(value) and VALUE.fullmatch(key) for key, value in marks.items())
    assert labels.seen({**marks, "team": "shop"}) == {
        "owner": str(call.owner),
        "address": str(call.address),
        "token": call.token,
    }
    assert labels.read(labels.written(call.address.name)) == call.address.name
    assert labels.own({**marks, "team": "shop", "goog-gke": "x"}) == {"team": "shop"}


@given(names, names)
def test_no_two_names_are_written_alike(one: str, other: str) -> None:
    assert (labels.written(one) == labels.written(other)) == (one == other)


@example(one(f"{'a' * 60}_9"), one(f"{'a' * 60}_foo"))
@example(one(f"{'a' * 60}_foo"), one(f"{'a' * 60}_9"))
@given(calls(), calls())
def test_a_search_finds_its_own(one: Call[Any], other: Call[Any]) -> None:
    """Filtered by equality, label by label, as the cloud does it."""
    wanted = labels.wanted(Search(SCOPE, one.client, one.owner, one.address, one.token))
    assert wanted.items() <= labels.marks(one).items()
    alike = (one.owner, one.address, one.token) == (other.owner, other.address, other.token)
    assert (wanted.items() <= labels.marks(other).items()) == alike


@given(st.integers(1, 200), st.integers(1, 200))
def test_a_long_name_is_not_found_by_its_beginning(one: int, other: int) -> None:
    """Also where a name ends just where a label is full."""
    short, long = (Address("shop", "gcp.disk", f"a[{'x' * n}]") for n in (one, other))
    wanted = labels.wanted(Search(SCOPE, nobody, address=short))
    marks = labels.marks(Call(long, SCOPE, Owner("holdfast", "shop"), client=nobody))
    assert (wanted.items() <= marks.items()) == (one == other)


def test_what_is_not_ours_says_nothing() -> None:
    assert labels.seen({"team": "shop"}) == {"owner": None, "address": None, "token": None}


WRITTEN = {  # by the first release: what stands in a project bears these
    "disk": ["disk"],
    "Data_2": ["_data__2"],
    "_": ["__"],
    "a9": ["a9"],
    "x-9": ["x-9"],
    "x_": ["x__"],
    "disk_9": ["disk__9"],
    "x__9": ["x____9"],
    "a_9b": ["a__9b"],
    "app[a]": ["app_0a"],
    "app[A.b_c-D]": ["app_0_a_1b__c-_d"],
    "a[b_9]": ["a_0b__9"],
    "a[x.9]": ["a_0x_19"],
    "n" * 63: ["n" * 63],
    "a" * 59 + "_9": ["a" * 59 + "__9"],
    "a" * 61 + "_9": ["a" * 61 + "_9", "__9"],
    "a" * 60 + "_b": ["a" * 60 + "__b"],
    "a" * 61 + "_b": ["a" * 61 + "_9", "__b"],
    "a" * 60 + "[b]": ["a" * 60 + "_0b"],
    "a" * 59 + "[.b]": ["a" * 59 + "_0_9", "_1b"],
    "_" * 63: ["_" * 62 + "9", "_" * 62 + "9", "____"],
    f"a[{'x' * 57}_y]": ["a_0" + "x" * 57 + "__y"],
    f"a[{'x' * 58}_yy]": ["a_0" + "x" * 58 + "_9", "__yy"],
    f"a[{'x' * 57}_yyy]": ["a_0" + "x" * 57 + "__9", "_yyy"],
    f"a[{'x' * 57}Zyyy]": ["a_0" + "x" * 57 + "__9", "zyyy"],
    f"a[{'9_' * 32}]": ["a_0" + "9__" * 19 + "9_9", "__" + "9__" * 12],
}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_was_written_stays(name: str) -> None:
    """The labels that an earlier release wrote are read as they were meant, and are those that are written now."""
    pieces = {labels.NAME if n == 1 else f"{labels.NAME}-{n}": piece for n, piece in enumerate(WRITTEN[name], 1)}
    marks = labels.marks(one(name))
    assert {key: value for key, value in marks.items() if key.startswith(labels.NAME)} == pieces
    assert labels.seen({**marks, **pieces})["address"] == f"shop/gcp.disk/{name}"


def test_a_full_label_of_old_is_read() -> None:
    """A name that fills its label and ends in `_9` stood alone once, and has a second label now."""
    marks = labels.marks(one(f"{'a' * 60}_9"))
    assert marks.pop("holdfast-name-2") == "_9"
    assert labels.seen(marks)["address"] == f"shop/gcp.disk/{'a' * 60}_9"


@given(st.text("_9-a01z", min_size=1, max_size=20))
def test_what_nobody_wrote_is_no_name(value: str) -> None:
    """A garbled label reads as no name of ours, never as another's."""
    name = labels.read(value)
    assert labels.written(name) == value or not re.fullmatch(rf"{NAME}(\[{KEY}\])?", name)


def test_a_name_that_breaks_off() -> None:
    """A long name whose second label somebody took away is not the name of what bears its beginning."""
    marks = labels.marks(one(f"a[{'x' * 62}]"))
    del marks["holdfast-name-2"]
    assert labels.seen(marks)["address"] == f"shop/gcp.disk/a[{'x' * 58}?]"
