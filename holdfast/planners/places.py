"""Whose is what: the observations of a moment, sorted into what stands at each address and what only looks like it.

What shall become of it is decided in `courses`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.catalog import Catalog
from holdfast.errors import Ambiguous, HoldfastError, NotOurs
from holdfast.model import Address
from holdfast.planners.facts import Facts
from holdfast.resource import Carrier, Observation, ResourceType, Status


@dataclass(slots=True)
class Place:
    """What stands at one address."""

    current: Observation | None = None
    unmarked: bool = False  # `current` is ours by the ledger alone: its marks are gone
    deposed: tuple[Observation, ...] = ()  # ours, standing, and replaced long ago
    deleting: tuple[Observation, ...] = ()  # ours, on its way out
    strangers: tuple[Observation, ...] = ()  # somebody else's, or nobody's
    namesake: Address | None = None  # another address of ours, which holds the name this one would take


def survey(catalog: Catalog, facts: Facts, errors: list[HoldfastError]) -> dict[Address, Place]:
    """What stands at every address that anything was found for. Appends `Ambiguous` where two of ours stand at one."""
    newest, older = facts.entries()
    places: dict[Address, Place] = {}
    for address, found in _by_mark(facts, places).items():
        place = places.setdefault(address, Place())
        entry = newest.get(address)
        deposed = {e.remote_id for e in older.get(address, ())}
        standing: list[Observation] = []
        for o in found:
            ledgers = entry is not None and o.remote_id == entry.remote_id
            if o.owner != str(facts.owner) and not (ledgers and o.owner is None):
                place.strangers += (o,)
            elif o.status is Status.deleting:
                place.deleting += (o,)
            elif o.remote_id in deposed:
                place.deposed += (o,)
            else:
                standing.append(o)
                place.unmarked = o.owner is None and _marks_show(catalog, address)
        if len(standing) > 1:
            errors.append(_two(address, standing))
        place.current = standing[0] if standing else None
    return places


def _by_mark(facts: Facts, places: dict[Address, Place]) -> dict[Address, list[Observation]]:
    """The observations under the address that they carry themselves, each thing once, nothing that is absent."""
    newest, _ = facts.entries()
    sorted_: dict[Address, dict[str | None, Observation]] = {}
    for key, found in facts.observations.items():
        for o in found:
            if o.status is Status.absent:
                continue
            address = _own_address(o, facts) or key
            by_id = key in newest and newest[key].remote_id == o.remote_id
            if address != key and not by_id:
                places.setdefault(key, Place()).namesake = address
            same = sorted_.setdefault(address, {}).get(o.remote_id)
            if same is None or same.partial:
                sorted_[address][o.remote_id] = o
    return {address: list(found.values()) for address, found in sorted_.items()}


def _own_address(o: Observation, facts: Facts) -> Address | None:
    if o.owner != str(facts.owner) or o.address is None:
        return None
    try:
        return Address.parse(o.address)
    except ValueError:
        return None  # a mark that somebody garbled; where it was found is the better guess


def _marks_show(catalog: Catalog, address: Address) -> bool:
    """Whether a missing mark means anything: what is marked through its parent carries none itself."""
    return address.kind in catalog and catalog[address.kind].carrier is not Carrier.parent


def _two(address: Address, standing: list[Observation]) -> Ambiguous:
    ids = " and ".join(str(o.remote_id) for o in standing)
    return Ambiguous(
        f"{len(standing)} live resources carry this address: {ids}",
        address=address,
        standing="all of them stand; none was touched",
        next="take the marks off the ones that should not bear it, or remove them, and plan again",
    )


def refuse_strangers(
    kind: ResourceType[Any], address: Address, place: Place, adopting: str | None
) -> Observation | None:
    """The stranger that shall be adopted, if that was asked for and it is nobody's.

    Raises `NotOurs` when something that is not ours stands where we would act.
    """
    for o in place.strangers:
        if o.owner is None and adopting is not None and o.remote_id == adopting:
            return o
        whose = f"belongs to {o.owner}" if o.owner else "carries nobody's mark"
        raise NotOurs(
            f"{kind.kind} {o.remote_id} stands here already and {whose}",
            address=address,
            standing="it was not touched",
            next="choose another name"
            if o.owner or kind.marks_fixed
            else f"`holdfast adopt FILE {address} {o.remote_id}` takes it over; or choose another name",
        )
    return None


def outputs_of(address: Address, o: Observation, only: Mapping[str, bool] | None = None) -> dict[str, Any]:
    """What a standing resource gives, as pointers; with `only`, what that maps to true."""
    return {f"{address}#{name}": v for name, v in o.outputs.items() if only is None or only.get(name, False)}
