"""What tests of the laws share, whichever cloud their kinds are of: benches, what can be struck, and what was seen."""

from __future__ import annotations

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


def verbs_of(kind: str) -> list[str]:
    """The verbs of one of the catalog's kinds that can be struck."""
    return [*verbs(catalog()[kind])]
