"""What becomes of one address: stands, is made, changed, replaced, let go or removed, and why.

`keeping` and `leaving` find out; the order in which it happens, and the acts it takes, are `acts`' and `order`'s.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from pydantic import JsonValue

from holdfast.catalog import Catalog
from holdfast.contract import ADDRESS_TAG, OWNER_TAG, TOKEN_TAG
from holdfast.desired import Desired
from holdfast.errors import HoldfastError, InvalidInput
from holdfast.model import Address, Scope
from holdfast.plan import FieldChange
from holdfast.planners.facts import Facts
from holdfast.planners.places import Place
from holdfast.resource import Observation, ResourceType
from holdfast.run import Entry


class Turn(Enum):
    """What becomes of one address."""

    nothing = "nothing"  # it does not stand, and shall not
    stand = "stand"
    create = "create"
    update = "update"
    replace = "replace"
    delete = "delete"
    disown = "disown"


@dataclass(slots=True)
class Course:
    """One address, what stands there, and what becomes of it."""

    address: Address
    scope: Scope
    kind: ResourceType[Any]
    place: Place
    turn: Turn = Turn.nothing
    desired: Desired | None = None
    entry: Entry | None = None
    spec: dict[str, Any] = field(default_factory=dict)  # canonical; known values filled in
    last: dict[str, Any] | None = None  # last applied, thawed
    changes: tuple[FieldChange, ...] = ()
    reason: str = ""
    code: str = ""
    marks: str = ""  # why ownership marks must be written first; empty when they need not
    delete_first: bool = False
    held: bool = False  # left alone, whatever it needs: it was not asked for
    unread: bool = False  # nobody looked: that nothing is seen here says nothing

    @property
    def live(self) -> Observation | None:
        """What stands now."""
        return self.place.current

    @property
    def standing(self) -> Observation:
        """What stands now, where something must."""
        if self.place.current is None:
            raise AssertionError(f"{self.address}: nothing stands here")
        return self.place.current

    @property
    def shown(self) -> dict[str, Any]:
        """What stands shows, canonical: what it refers to is named there as that is known."""
        return self.kind.canonical(self.standing.properties)

    @property
    def wanted(self) -> Desired:
        """What the document says, where it must name the address."""
        if self.desired is None:
            raise AssertionError(f"{self.address}: the document does not name it")
        return self.desired

    @property
    def acts(self) -> bool:
        """Whether anything happens at this address."""
        return bool(self.marks) or self.turn not in {Turn.nothing, Turn.stand}

    @property
    def makes(self) -> bool:
        """Whether something new is made at this address."""
        return self.turn in {Turn.create, Turn.replace}

    @property
    def goes(self) -> bool:
        """Whether what stands at this address is removed."""
        return self.turn in {Turn.delete, Turn.replace}

    @property
    def leftovers(self) -> tuple[Observation, ...]:
        """What an earlier replace has left behind, and shall go now."""
        return () if self.held else self.place.deposed

    def marked(self) -> dict[str, JsonValue]:
        """The ownership marks that what stands carries now, for taking an adoption back."""
        live = self.standing
        carried = {OWNER_TAG: live.owner, ADDRESS_TAG: live.address, TOKEN_TAG: live.token}
        return {tag: mark for tag, mark in carried.items() if mark is not None}

    def write_marks(self, what: str, otherwise: str) -> None:
        """Raises `InvalidInput` where the marks of what stands cannot be written. `what` that would be for."""
        if self.kind.marks_fixed:
            raise InvalidInput(
                f"{self.standing.remote_id} cannot be {what}: {self.kind.marks_fixed}",
                standing="it stands as it is, and was not touched",
                next=otherwise,
            )

    def hold(self) -> None:
        """Leave it as it is."""
        self.turn = Turn.stand if self.live else Turn.nothing
        self.marks, self.changes, self.held = "", (), True


@dataclass(slots=True)
class Table:
    """What is on the table while every address is decided about in turn."""

    catalog: Catalog
    facts: Facts
    wanted: dict[Address, Desired]
    newest: dict[Address, Entry]
    places: dict[Address, Place]
    moved: dict[Address, Address]  # old -> new
    known: dict[str, JsonValue]  # pointers whose values will not change
    bases: set[tuple[str, str]]  # kind and base name of all that is wanted
    came_from: dict[Address, Address] = field(default_factory=dict)  # new -> old, of those that do move now
    courses: dict[Address, Course] = field(default_factory=dict)
    errors: list[HoldfastError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def course(self, address: Address, scope: Scope) -> Course:
        """A course for an address, with everything that is known of it. Raises `InvalidInput` for an unknown kind."""
        return Course(
            address=address,
            scope=scope,
            kind=self.catalog[address.kind],
            place=self.places.get(address) or Place(),
            entry=self.newest.get(address),
            last=self.facts.last(self.came_from.get(address, address)),
        )


def at(desired: Desired | None) -> str:
    """` (shop.yaml:12:3)`, where the document says it; nothing where it does not."""
    return f" ({desired.where})" if desired is not None and desired.where else ""


def listed(names: Iterable[object], most: int = 3) -> str:
    """`size, zone and 4 more`."""
    each = list(dict.fromkeys(map(str, names)))
    if len(each) > most:
        return f"{', '.join(each[:most])} and {len(each) - most} more"
    return ", ".join(each)
