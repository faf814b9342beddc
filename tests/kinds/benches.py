"""What the tests of the laws share, whichever cloud their kinds are of: benches, what is to be run, and what was seen.

A test file of one cloud is its `Ground`, a fixture, and two tests:

    @pytest.fixture(scope="module")
    def benches(tmp_path_factory):
        with LocalGcp(tmp_path_factory.mktemp("laws")) as cloud:
            with leading_to(environment(cloud), forget=door_forgets):
                yield Benches(catalog(), GoogleGround(cloud))

    @pytest.mark.parametrize("law", LAWS)
    @pytest.mark.parametrize("kind", kinds("gcp"))
    def test_the_kind_keeps_the_law(benches, kind, law):
        benches.keeps(kind, law)

    @pytest.mark.parametrize("kind, verb", struck("gcp"))
    def test_no_loss_leaves_an_orphan_or_a_duplicate(benches, kind, verb):
        benches.survives(kind, verb)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from activities.testing import hands
from holdfast.catalog import Catalog
from holdfast.testing.laws import Bench, Ground, Violation, broken, lost, verbs
from workers.catalog import catalog


class Benches:
    """A bench for each kind of a catalog, made when it is first asked for. All stand on one ground."""

    def __init__(self, known: Catalog, ground: Ground) -> None:
        self._known, self._ground = known, ground
        self._found: dict[str, Bench] = {}

    def __call__(self, kind: str) -> Bench:
        """The bench of a kind."""
        if kind not in self._found:
            self._found[kind] = Bench(self._known[kind], self._known, self._ground, hands)
        return self._found[kind]

    def keeps(self, kind: str, law: str) -> None:
        """Fails, saying how the kind breaks the law."""
        found = broken(self(kind), law)
        assert not found, told(found)

    def survives(self, kind: str, verb: str) -> None:
        """Fails, saying which loss the kind does not survive."""
        found = lost(self(kind), verb)
        assert not found, told(found)


def told(violations: list[Violation]) -> str:
    """One violation a line."""
    return "\n".join(map(str, violations))


def kinds(cloud: str) -> list[str]:
    """The catalog's kinds of a cloud."""
    return [k for k in catalog().kinds if k.startswith(f"{cloud}.")]


def struck(cloud: str) -> list[Any]:
    """Every verb of every kind of a cloud, to be struck: slow, since each takes a hundred losses."""
    return [pytest.param(k, verb, marks=pytest.mark.slow) for k in kinds(cloud) for verb in verbs(catalog()[k])]


@contextmanager
def leading_to(environment: Mapping[str, str], forget: Callable[[], None]) -> Iterator[None]:
    """The door leads to the local cloud that the environment names. `forget`: closes and forgets the door's clients."""
    kept = dict(os.environ)
    os.environ.update(environment)
    forget()
    try:
        yield
    finally:
        forget()
        os.environ.clear()
        os.environ.update(kept)
