"""A project that `down` deleted, and that the next `up` has back: under every loss, as the laws play other creates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import pytest

from activities.providers.gcp.door import open_visit
from activities.providers.gcp.kinds.project import Project, ProjectSpec
from activities.testing import ProtocolHands
from holdfast.errors import NotAllowed, Pending
from holdfast.model import Address
from holdfast.plan import Verb
from holdfast.resource import Call
from holdfast.testing.laws import Bench, verbs
from holdfast.testing.laws.bench import OWNER
from holdfast.testing.laws.losing import losses
from starter.testing.gcp import GoogleGround, forget
from starter.testing.leading import leading_to
from tests.localcloud.google_parts import LocalGcp
from workers.catalog import catalog

KIND = Project()
ID = "shop-prod-7f3a"
HANDS = ProtocolHands()


class Buried(GoogleGround):
    """A cloud in which the example's project stood, otherwise than it is wanted now, and was deleted by us."""

    def furnish(self) -> None:
        """See `ControlledGround`."""
        spec = ProjectSpec(project_id=ID, parent="organizations/1", display_name="Of old", labels={"team": "old"})
        client = open_visit(self.scope).client
        address, token = Address("laws", KIND.kind, "shop"), "00000000-0000-0000-0000-00000000000d"
        call = Call(address, self.scope, OWNER, client, token=token, spec=spec)
        KIND.create(call)
        for _ in range(2):
            self.rest()
            with suppress(Pending):
                KIND.delete(Call(address, self.scope, OWNER, client, token=token, remote_id=f"projects/{ID}"))
        assert self.things() == []

    def recall(self, name: str) -> None:
        """See `Ground`. Whatever was sent was never sent, also where the first delivery is a repeated one."""
        super().recall(name)
        HANDS._sent.clear()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with LocalGcp(tmp_path_factory.mktemp("gcp")) as cloud, leading_to(cloud.environment(), forget):
        made = Bench(KIND, catalog(), Buried(cloud), HANDS)
        made._usual = Counter({"projects": 1})  # which else it would see by making one with a single call
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["create", "create taken back", "create taken back unheard"])
def test_it_comes_back_under_every_loss(bench: Bench, verb: str) -> None:
    """It stands once, as it is wanted now; or, taken back, it is as good as gone again."""
    assert list(losses(bench, verb, verbs(KIND)[verb])) == []


@pytest.mark.parametrize("rests", [True, False], ids=["it stands again", "it is coming"])
def test_half_of_it_is_taken_back(bench: Bench, rests: bool) -> None:
    """What was asked back, and then was not to be, goes again: nobody else would know that it stands."""
    scene = verbs(KIND)["create"](bench)
    assert scene is not None
    with pytest.raises(Pending):
        bench.deliver(scene.act, scene.action)
    if rests:
        bench.ground.rest()
    bench.carry(scene.act.model_copy(update={"verb": Verb.delete, "back": True}), scene.action)
    bench.ground.rest()
    assert bench.ground.things() == []


def test_it_may_not_be_moved(bench: Bench) -> None:
    """A refusal once it stands again is told, and taking the create back removes it."""
    scene = verbs(KIND)["create"](bench)
    assert scene is not None
    bench.ground.cloud.control.settings(denied=["cloudresourcemanager:projects.move"])  # type: ignore[attr-defined]
    with pytest.raises(NotAllowed):
        bench.carry(scene.act, scene.action)
    bench.carry(scene.act.model_copy(update={"verb": Verb.delete, "back": True}), scene.action)
    bench.ground.rest()
    assert bench.ground.things() == []
