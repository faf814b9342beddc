"""What can be built: kind -> ResourceType, and what can be looked up. A kind declared twice is refused.

A cloud's kinds may come later: they are read when the first of them is asked for, and not where nobody asks. Reading
three clouds' takes as long as the rest of a command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from threading import RLock
from typing import Any

from holdfast.errors import Broken, InvalidInput
from holdfast.nearest import nearest
from holdfast.resource import DataType, ResourceType

Kind = ResourceType[Any] | DataType[Any]


class Catalog:
    """The kinds that this process knows. What it answers never changes."""

    def __init__(
        self,
        kinds: Iterable[Kind] = (),
        later: Mapping[str, Callable[[], Iterable[Kind]]] | None = None,
    ) -> None:
        """`later`: by cloud, what reads its kinds. Raises `Broken` when a kind is declared twice; so does whatever
        asks for the first kind of a cloud that came later.
        """
        self._kinds: dict[str, ResourceType[Any]] = {}
        self._data: dict[str, DataType[Any]] = {}
        self._later, self._reading = dict(later or {}), RLock()
        self._take(kinds)

    def __iter__(self) -> Iterator[ResourceType[Any]]:
        self._read_all()
        return iter(sorted(self._kinds.values(), key=lambda k: k.kind))

    def __contains__(self, kind: str) -> bool:
        self.read(_cloud(kind))
        return kind in self._kinds

    def __getitem__(self, kind: str) -> ResourceType[Any]:
        """The kind of that name. Raises `InvalidInput`, naming the nearest, when there is none."""
        if kind not in self:
            raise InvalidInput(f"there is no kind {kind!r}", next=_nearest(kind, self.kinds))
        return self._kinds[kind]

    def looks_up(self, kind: str) -> bool:
        """Whether there is a look-up of that name."""
        self.read(_cloud(kind))
        return kind in self._data

    def data(self, kind: str) -> DataType[Any]:
        """The look-up of that name. Raises `InvalidInput`, naming the nearest, when there is none."""
        if not self.looks_up(kind):
            raise InvalidInput(f"nothing of kind {kind!r} can be looked up", next=_nearest(kind, self.data_kinds))
        return self._data[kind]

    def read(self, cloud: str) -> None:
        """What comes later for a cloud, so that no act has to. Whoever asks meanwhile, in another thread, waits."""
        if cloud not in self._later:
            return
        with self._reading:
            if cloud in self._later:
                self._take(self._later[cloud]())
                del self._later[cloud]

    @property
    def clouds(self) -> frozenset[str]:
        """What kinds are named after: `aws`, `gcp`. Reads none of them."""
        return frozenset(self._later) | {_cloud(name) for name in (*self._kinds, *self._data)}

    @property
    def kinds(self) -> list[str]:
        """The names of all kinds, sorted."""
        self._read_all()
        return sorted(self._kinds)

    @property
    def data_kinds(self) -> list[str]:
        """The names of all look-ups, sorted."""
        self._read_all()
        return sorted(self._data)

    def _read_all(self) -> None:
        for cloud in sorted(self._later):
            self.read(cloud)

    def _take(self, found: Iterable[Kind]) -> None:
        for one in found:
            other = self._kinds.get(one.kind) or self._data.get(one.kind)
            if other is not None:
                raise Broken(f"kind {one.kind} is declared twice: by {_where(other)} and by {_where(one)}")
            if isinstance(one, DataType):
                self._data[one.kind] = one
            else:
                self._kinds[one.kind] = one


def _cloud(kind: str) -> str:
    return kind.partition(".")[0]


def _nearest(name: str, among: Iterable[str]) -> str:
    close = nearest(name, among)
    return f"did you mean {close}?" if close else "`holdfast kinds` lists what there is"


def _where(thing: object) -> str:
    return f"{type(thing).__module__}.{type(thing).__qualname__}"
