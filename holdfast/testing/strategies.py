"""Random goals for the cloud in memory: every reference leads somewhere, and no two things want one name."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from holdfast.desired import Desired, Goal
from holdfast.testing.sim import address, goal, ref, want

NAMES = tuple("abcdefgh")
KINDS = ("thing", "thing", "token", "named", "named", "vault", "thing", "thing")


@st.composite
def goals(draw: st.DrawFn, names: tuple[str, ...] = NAMES, *, kinds: tuple[str, ...] = KINDS) -> Goal:
    """A goal of some of the names, each of a kind of its own, referring to others in any direction but in a circle."""
    chosen = draw(st.lists(st.sampled_from(names), unique=True))
    kind_of = {name: kinds[NAMES.index(name) % len(kinds)] for name in names}
    called = dict(zip(chosen, draw(st.permutations(chosen)), strict=True))
    resources: list[Desired] = []
    for i, name in enumerate(chosen):
        before = chosen[:i]
        named = kind_of[name] == "named" and draw(st.booleans())
        resources.append(
            want(
                name,
                kind_of[name],
                about={"depends_on": _some(draw, before, kind_of) if before else ()},
                **_fields(draw, before, kind_of) | {"name": called[name] if named else f"{name}-{kind_of[name]}"},
            )
        )
    return goal(*draw(st.permutations(resources)))


def _fields(draw: st.DrawFn, before: list[str], kind_of: dict[str, str]) -> dict[str, Any]:
    refs = [ref(n, kind_of[n]) for n in before]
    others = draw(st.lists(st.sampled_from(refs), max_size=2, unique=True)) if refs else []
    reached = [ref(n, kind_of[n], "endpoint") for n in before]
    return {
        "size": draw(st.integers(1, 3)),
        "zone": draw(st.sampled_from("aaab")),
        "model": draw(st.sampled_from(["small", "small", "large"])),
        "power": draw(st.sampled_from(["on", "on", "off"])),
        "version": draw(st.sampled_from([1, 1, 1, 2])),
        "base": draw(st.none() | st.sampled_from(refs)) if refs else None,
        "uses": others,
        "tags": draw(st.dictionaries(st.sampled_from("xyz"), st.sampled_from(["1", "2", *reached]), max_size=2)),
        "seal": draw(st.none() | st.sampled_from(["env:ONE", "env:TWO"])),
    }


def _some(draw: st.DrawFn, before: list[str], kind_of: dict[str, str]) -> tuple[Any, ...]:
    return tuple(address(n, kind_of[n]) for n in draw(st.lists(st.sampled_from(before), max_size=1)))
