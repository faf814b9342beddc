"""Marks in a description: read back as they were, beside a person's words, and found by the list's own filter."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from activities.providers.gcp import descriptions
from holdfast.resource import Call, Search
from tests.kinds.test_google_labels import SCOPE, calls, nobody

words = st.text(max_size=80)


@given(calls(), words)
def test_what_is_written_is_read(call: Call[Any], said: str) -> None:
    text = descriptions.over(said, call)
    assert descriptions.seen(text) == {"owner": str(call.owner), "address": str(call.address), "token": call.token}
    assert descriptions.own(text) == said
    assert descriptions.reworded(said, descriptions.over("other", call)) == text
    again = replace(call, token="another")
    assert descriptions.seen(descriptions.over(descriptions.own(text), again))["token"] == "another"


@given(words)
def test_words_alone_say_nothing(said: str) -> None:
    assert descriptions.seen(said) == {"owner": None, "address": None, "token": None}
    assert descriptions.own(said) == said


@given(calls(), calls(), words, st.booleans(), st.booleans())
def test_a_search_finds_its_own(one: Call[Any], other: Call[Any], said: str, address: bool, token: bool) -> None:
    """Filtered as the cloud does it: a regular expression over the whole field."""
    search = Search(SCOPE, nobody, one.owner, one.address if address else None, one.token if token else None)
    field, _, quoted = (descriptions.wanted(search) or "").split(" ", 2)
    pattern = re.compile(quoted[1:-1].replace("[[]", r"\["), re.DOTALL)  # Python warns of a class that RE2 takes
    assert field == "description"
    assert not re.search(r'["\\]', quoted[1:-1])
    assert pattern.fullmatch(descriptions.over(said, one))
    alike = one.owner == other.owner and (not address or one.address == other.address)
    alike = alike and (not token or one.token == other.token)
    assert bool(pattern.fullmatch(descriptions.over(said, other))) == alike


def test_a_search_for_everything_filters_nothing() -> None:
    assert descriptions.wanted(Search(SCOPE, nobody)) is None
