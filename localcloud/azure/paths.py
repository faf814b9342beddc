"""Reads ARM's paths and ids, whose case does not matter, against the table of types."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from localcloud.azure.kind import Kind, Part
from localcloud.azure.table import KINDS


@dataclass(frozen=True, slots=True)
class Target:
    """What a path points at. Without a `kind` it is nothing that we serve."""

    path: str
    subscription: str = ""
    group: str = ""
    scope: str = ""  # before the last `/providers/`
    provider: str = ""
    types: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    kind: Kind | None = None
    part: Part | None = None  # an element of a list inside the resource, named last
    tail: str = ""  # an action, or a view
    listed: bool = False  # the path is that of a collection

    @property
    def type(self) -> str:
        """The type as the table writes it."""
        if self.kind is None:
            return "/".join((self.provider, *self.types))
        return f"{self.kind.name}/{self.part.at}" if self.part else self.kind.name

    @property
    def id(self) -> str:
        """The id, in the table's spelling."""
        if self.kind is None or self.listed:
            return self.path
        if self.kind.path == "resourceGroups":
            return f"/subscriptions/{self.subscription}/resourceGroups/{self.names[0]}"
        types = (*self.kind.path.split("/"), *((self.part.at,) if self.part else ()))
        pairs = "/".join(f"{t}/{n}" for t, n in zip(types, self.names, strict=False))
        return f"{self.scope}/providers/{self.kind.provider}/{pairs}"

    @property
    def parent(self) -> str:
        """The id of the resource that this one is inside of, or nothing."""
        return self.id.rsplit("/", 2)[0] if self.kind and len(self.names) > 1 else ""


@lru_cache(maxsize=65536)
def parse(path: str, method: str = "GET") -> Target:
    """What a path, or an id, points at."""
    segments = [unquote(s) for s in path.strip("/").split("/")]
    low = [s.lower() for s in segments]
    subscription = segments[1] if low[0] == "subscriptions" and len(segments) > 1 else ""
    group = segments[3] if subscription and low[2:3] == ["resourcegroups"] and len(segments) > 3 else ""  # noqa: PLR2004
    if "providers" not in low:
        if subscription and low[2:3] == ["resourcegroups"] and len(segments) <= 5:  # noqa: PLR2004
            one: tuple[str, ...] = (group,) if group else ()
            tail = low[4] if len(low) == 5 else ""  # noqa: PLR2004
            container = KINDS["microsoft.resources/resourcegroups"]
            scope = f"/subscriptions/{subscription}"
            where = subscription, group, scope, container.provider
            return Target(path, *where, ("resourceGroups",), one, container, None, tail, not one)
        return Target(path, subscription, group)
    at = len(low) - 1 - low[::-1].index("providers")
    scope = "/" + "/".join(segments[:at]) if at else ""
    if subscription and group and at == 4:  # noqa: PLR2004
        scope = f"/subscriptions/{subscription}/resourceGroups/{group}"
    provider, rest = "".join(segments[at + 1 : at + 2]), segments[at + 2 :]
    types: tuple[str, ...] = tuple(rest[0::2])
    names, tail = tuple(rest[1::2]), ""
    listed = len(types) > len(names)
    if listed and names:
        inner, _ = _look(provider, types)
        outer, _ = _look(provider, types[:-1])
        acts = method == "POST" or (inner is None and outer is not None and types[-1].lower() in _low(outer.views))
        if acts and outer is not None:
            types, tail, listed = types[:-1], types[-1], False
    kind, part = _look(provider, types)
    return Target(path, subscription, group, scope, provider, types, names, kind, part, tail, listed)


def _low(names: tuple[str, ...]) -> set[str]:
    return {n.lower() for n in names}


def _look(provider: str, types: tuple[str, ...]) -> tuple[Kind | None, Part | None]:
    kind = KINDS.get("/".join((provider, *types)).lower())
    if kind is not None:
        return kind, None
    outer = KINDS.get("/".join((provider, *types[:-1])).lower())
    if outer is not None:
        for part in outer.parts:
            if part.at.lower() == types[-1].lower():
                return outer, part
    return None, None
