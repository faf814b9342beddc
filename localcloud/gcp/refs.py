"""Who refers to whom: references must exist when they are made, and hold what they name."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from localcloud.gcp import paths, shapes
from localcloud.gcp.paths import Path
from localcloud.gcp.refusals import Refused, invalid, not_found, not_ready
from localcloud.gcp.state import Known, Thing
from localcloud.gcp.table import KINDS, Kind, Ref


def _values(node: Any, at: list[str]) -> Iterator[tuple[str, str]]:
    """Where a reference stands, and its text."""
    if not at:
        if isinstance(node, str) and node:
            yield "", node
        return
    name, _, through = at[0].partition("[")
    found = node.get(name) if isinstance(node, dict) else None
    if not through:
        for where, text in _values(found, at[1:]):
            yield f".{name}{where}", text
        return
    for number, item in enumerate(found if isinstance(found, list) else ()):
        for where, text in _values(item, at[1:]):
            yield f".{name}[{number}]{where}", text


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _meant(ref: Ref, text: str, path: Path, it: Known) -> Path | None:
    """What a reference means; an address may also be meant by its number, and a group means its manager here."""
    if ref.to == "addresses" and _is_address(text):
        return it.reserved.get((path.project, text))
    place = {"region": paths.region_of(path.place), "zone": path.place}.get(ref.place, "global")
    meant = paths.read(text, path.project, place, ref.to)
    if meant is not None and ref.to == "instanceGroupManagers":
        if meant.collection == "networkEndpointGroups":
            return None  # which there are none of here
        return replace(meant, collection=ref.to) if meant.collection == "instanceGroups" else meant
    return meant


def of(kind: Kind, path: Path, body: dict[str, Any], it: Known) -> Iterator[tuple[Ref, str, str, Path]]:
    """Every reference of a thing: its rule, where it stands, its text, and what it means."""
    for ref in kind.refs:
        for where, text in _values(body, ref.at.split(".")):
            path_meant = _meant(ref, text, path, it)
            if path_meant is not None:
                yield ref, where, text, path_meant


def check(kind: Kind, path: Path, body: dict[str, Any], it: Known) -> None:
    """Raises `Refused` when a reference leads nowhere, or to something that is not made yet."""
    for ref, where, text, meant in of(kind, path, body, it):
        if ref.to == "images":
            if shapes.image(text, it, path.project) is None:
                raise _missing(ref, where, text, meant)
            continue
        thing = it.things.get(str(meant))
        if thing is None or meant.collection != ref.to:
            raise _missing(ref, where, text, meant)
        if thing.busy and it.operations[thing.busy].making:
            raise not_ready(str(meant))


def _missing(ref: Ref, where: str, text: str, meant: Path) -> Refused:
    if ref.missing == 404:  # noqa: PLR2004  # the HTTP status
        return not_found(str(meant))
    noun = KINDS[ref.to].noun.replace("_", " ")
    return invalid(f"resource{where}", text, f"The referenced {noun} resource cannot be found.")


def users(path: Path, it: Known) -> list[Thing]:
    """What refers to one thing, and keeps it from being deleted."""
    own = it.things.get(str(path))
    texts = (path.name, str(own.body.get("address", path.name)) if own else path.name)
    found = []
    for thing in it.things.values():
        if thing.auto or thing.path.project != path.project:
            continue
        for ref in KINDS[thing.path.collection].refs:
            if ref.to != path.collection or not ref.holds:
                continue
            near = (text for _, text in _values(thing.body, ref.at.split(".")) if text.endswith(texts))
            if any(_meant(ref, text, thing.path, it) == path for text in near):
                found.append(thing)
                break
    return found


def index(project: str, it: Known) -> dict[Path, list[Thing]]:
    """`users` of everything in a project."""
    found: dict[Path, list[Thing]] = {}
    for thing in it.things.values():
        if thing.path.project != project or thing.auto:
            continue
        kind = KINDS[thing.path.collection]
        every = of(kind, thing.path, thing.body, it)
        for meant in dict.fromkeys(meant for ref, _, _, meant in every if ref.holds):
            found.setdefault(meant, []).append(thing)
    return found
