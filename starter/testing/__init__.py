"""Play the laws of `holdfast.testing.laws` on a local cloud: for authors of kinds, here and in other packages.

    KIND = "gcp.golden_image"

    @pytest.fixture(scope="module")
    def benches(tmp_path_factory):
        with playing("gcp", tmp_path_factory.mktemp("cloud")) as benches:
            yield benches

    @pytest.mark.parametrize("law", LAWS)
    def test_it_keeps_the_law(benches, law):
        benches.keeps(KIND, law)

    @pytest.mark.parametrize("verb", verbs_of(KIND))
    def test_no_loss_leaves_an_orphan_or_a_duplicate(benches, verb):
        benches.survives(KIND, verb)

It needs the SDK of the kind's cloud and the local clouds, `holdfast[gcp,local]`, and no test runner.
"""

from starter.testing.benches import Benches, verbs_of
from starter.testing.grounds import playing

__all__ = ["Benches", "playing", "verbs_of"]
