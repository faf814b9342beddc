"""Every kind of AWS, and every kind of the cloud in memory, answers to every law and survives every loss."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from holdfast.testing import sim
from holdfast.testing.laws import LAWS, verbs
from holdfast.testing.laws.memory import MemoryGround
from starter.testing.aws import AwsGround, forget
from starter.testing.benches import Benches, kinds
from starter.testing.leading import leading_to
from tests.cloud import LocalAws
from tests.kinds.struck import struck
from workers.catalog import catalog

SIM = [k.kind for k in sim.catalog()]


@pytest.fixture(scope="session")
def in_memory() -> Benches:
    return Benches(sim.catalog(), MemoryGround())


@pytest.fixture(scope="session")
def on_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Benches]:
    with LocalAws(tmp_path_factory.mktemp("laws")) as cloud, leading_to(cloud.environment(), forget):
        yield Benches(catalog(), AwsGround(cloud))


@pytest.fixture
def benches(request: pytest.FixtureRequest, kind: str) -> Benches:
    """Of the cloud that the kind is of, which is started when its first kind is tried."""
    found: Benches = request.getfixturevalue("in_memory" if kind in SIM else "on_aws")
    return found


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("kind", [*SIM, *kinds("aws")])
def test_the_kind_keeps_the_law(benches: Benches, kind: str, law: str) -> None:
    """A kind does what `ResourceType` promises of every kind."""
    benches.keeps(kind, law)


@pytest.mark.parametrize("kind, verb", [*((k, verb) for k in SIM for verb in verbs(sim.catalog()[k])), *struck("aws")])
def test_no_loss_leaves_an_orphan_or_a_duplicate(benches: Benches, kind: str, verb: str) -> None:
    """Whichever request of a verb is lost, and in whatever way, it is done once and completely, or taken back so."""
    benches.survives(kind, verb)
