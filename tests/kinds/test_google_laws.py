"""Every kind of Google Cloud answers to every law and survives every loss."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from holdfast.testing.laws import LAWS
from starter.testing.benches import Benches, kinds
from starter.testing.gcp import GoogleGround, forget
from starter.testing.leading import leading_to
from tests.kinds.struck import struck
from tests.localcloud.google_parts import LocalGcp
from workers.catalog import catalog


@pytest.fixture(scope="module")
def benches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Benches]:
    with LocalGcp(tmp_path_factory.mktemp("laws")) as cloud, leading_to(cloud.environment(), forget):
        yield Benches(catalog(), GoogleGround(cloud))


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("kind", kinds("gcp"))
def test_the_kind_keeps_the_law(benches: Benches, kind: str, law: str) -> None:
    """A kind does what `ResourceType` promises of every kind."""
    benches.keeps(kind, law)


@pytest.mark.parametrize("kind, verb", struck("gcp"))
def test_no_loss_leaves_an_orphan_or_a_duplicate(benches: Benches, kind: str, verb: str) -> None:
    """Whichever request of a verb is lost, and in whatever way, it is done once and completely, or taken back so."""
    benches.survives(kind, verb)
