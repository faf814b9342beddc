"""Marks as labels: within Google's alphabet, never two alike, and read back as they were."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from activities.providers.gcp import labels
from holdfast.model import KEY, NAME, STACK, Address, Owner, Scope
from holdfast.resource import Call, Search

KIND = r"gcp\.[a-z][a-z0-9_]{0,40}"
SCOPE = Scope("gcp", "a-project", "europe-west1")
owners = st.builds(Owner, st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True), st.from_regex(STACK, fullmatch=True))
names = st.from_regex(rf"{NAME}(\[{KEY}\])?", fullmatch=True)
VALUE = re.compile(r"[a-z0-9_-]{1,63}")


def nobody(service: str) -> Any:
    raise AssertionError(f"{service} is asked")


@st.composite
def calls(draw: st.DrawFn) -> Call[Any]:
    owner = draw(owners)
    address = Address(owner.stack, draw(st.from_regex(KIND, fullmatch=True)), draw(names))
    return Call(address, SCOPE, owner, client=nobody, token=str(draw(st.uuids())))


@given(calls())
def test_what_is_written_is_read(call: Call[Any]) -> None:
    marks = labels.marks(call)
    assert all(VALUE.fullmatch(value) and VALUE.fullmatch(key) for key, value in marks.items())
    assert labels.seen({**marks, "team": "shop"}) == {
        "owner": str(call.owner),
        "address": str(call.address),
        "token": call.token,
    }
    assert labels.own({**marks, "team": "shop", "goog-gke": "x"}) == {"team": "shop"}


@given(names, names)
def test_no_two_names_are_written_alike(one: str, other: str) -> None:
    assert (labels.written(one) == labels.written(other)) == (one == other)


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
