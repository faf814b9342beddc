"""What can be built: kind -> ResourceType, and what can be looked up. A kind declared twice refuses to start."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any

from holdfast.errors import Broken, InvalidInput
from holdfast.resource import DataType, ResourceType


class Catalog:
    """The kinds that this process knows. Immutable once made."""

    def __init__(
        self,
        kinds: Iterable[ResourceType[Any]] = (),
        data: Iterable[DataType[Any]] = (),
    ) -> None:
        self._kinds: dict[str, ResourceType[Any]] = {}
        self._data: dict[str, DataType[Any]] = {}
        for kind in kinds:
            self._once(kind.kind, kind)
            self._kinds[kind.kind] = kind
        for looked_up in data:
            self._once(looked_up.kind, looked_up)
            self._data[looked_up.kind] = looked_up

    def __iter__(self) -> Iterator[ResourceType[Any]]:
        return iter(sorted(self._kinds.values(), key=lambda k: k.kind))

    def __contains__(self, kind: str) -> bool:
        return kind in self._kinds

    def __getitem__(self, kind: str) -> ResourceType[Any]:
        """The kind of that name. Raises `InvalidInput`, naming the nearest, when there is none."""
        if kind not in self._kinds:
            raise InvalidInput(f"there is no kind {kind!r}", next=self._nearest(kind, self._kinds))
        return self._kinds[kind]

    def data(self, kind: str) -> DataType[Any]:
        """The look-up of that name. Raises `InvalidInput`, naming the nearest, when there is none."""
        if kind not in self._data:
            raise InvalidInput(
                f"nothing of kind {kind!r} can be looked up",
                next=self._nearest(kind, self._data),
            )
        return self._data[kind]

    @property
    def kinds(self) -> list[str]:
        """The names of all kinds, sorted."""
        return sorted(self._kinds)

    @property
    def data_kinds(self) -> list[str]:
        """The names of all look-ups, sorted."""
        return sorted(self._data)

    def _once(self, name: str, what: object) -> None:
        other = self._kinds.get(name) or self._data.get(name)
        if other is not None:
            raise Broken(f"kind {name} is declared twice: by {_where(other)} and by {_where(what)}")

    @staticmethod
    def _nearest(name: str, among: Iterable[str]) -> str:
        close = difflib.get_close_matches(name, among, n=1)
        return f"did you mean {close[0]}?" if close else "`holdfast kinds` lists what there is"


def _where(thing: object) -> str:
    return f"{type(thing).__module__}.{type(thing).__qualname__}"
