"""Every kind of the catalog, and every kind of the cloud in memory, answers to every law and survives every loss."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from activities.providers.aws import door
from activities.testing import hands
from holdfast.catalog import Catalog
from holdfast.testing import sim
from holdfast.testing.laws import LAWS, Bench, Violation, broken, lost, verbs
from holdfast.testing.laws.memory import MemoryGround
from tests.cloud import LocalAws
from tests.kinds.aws_ground import AwsGround
from workers.catalog import catalog


def of(kind: str) -> Catalog:
    """The catalog that knows a kind."""
    return sim.catalog() if kind in sim.catalog() else catalog()


KINDS = [*(k.kind for k in sim.catalog()), *(k for k in catalog().kinds if k.startswith("aws."))]
VERBS = [
    pytest.param(kind, verb, marks=() if kind in sim.catalog() else pytest.mark.slow)  # a process, and a hundred losses
    for kind in KINDS
    for verb in verbs(of(kind)[kind])
]

Benches = Callable[[str], Bench]


@pytest.fixture(scope="session")
def benches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Benches]:
    """A bench for a kind: built once, and its cloud with it."""
    found: dict[str, Bench] = {}
    kept = dict(os.environ)
    with LocalAws(tmp_path_factory.mktemp("laws")) as cloud:
        os.environ.update(cloud.environment())
        door._clients.clear()
        ground = AwsGround(cloud)

        def bench(kind: str) -> Bench:
            if kind not in found:
                known = of(kind)
                found[kind] = Bench(known[kind], known, MemoryGround() if kind in sim.catalog() else ground, hands)
            return found[kind]

        yield bench
        for client in door._clients.values():
            client.close()
        door._clients.clear()
        os.environ.clear()
        os.environ.update(kept)


def told(violations: list[Violation]) -> str:
    return "\n".join(map(str, violations))


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_keeps_the_law(benches: Benches, kind: str, law: str) -> None:
    """A kind does what `ResourceType` promises of every kind."""
    found = broken(benches(kind), law)
    assert not found, told(found)


@pytest.mark.parametrize("kind, verb", VERBS)
def test_no_loss_leaves_an_orphan_or_a_duplicate(benches: Benches, kind: str, verb: str) -> None:
    """Whichever request of a verb is lost, and in whatever way, it is done once and completely, or taken back so."""
    found = lost(benches(kind), verb)
    assert not found, told(found)
