"""Everything that a decision rests on, gathered before it is taken: the planner asks nobody anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

from holdfast.contract import Operation
from holdfast.desired import Desired, Goal
from holdfast.model import Address, Owner, Scope
from holdfast.resource import Observation
from holdfast.run import Entry, Ledger
from holdfast.values import thaw

ADOPT = "adopt"  # operations that only touch marks; the subject stands in `Facts.adopt` or `Facts.forget`
FORGET = "forget"


@dataclass(frozen=True)
class Facts:
    """The goal, the ledger and the world, as they were at one moment.

    `goal` is None for a `down`, and for a `forget`; only a `down` then removes what the ledger holds.
    `observations` holds, per address, all that was found for it: by its marks, by the ledger's id, at the name it would
    take, or at the id that shall be adopted. Strangers are included; the planner says whose is whose.
    """

    owner: Owner
    goal: Goal | None = None
    ledger: Ledger = field(default_factory=Ledger)
    observations: Mapping[Address, tuple[Observation, ...]] = field(default_factory=dict)
    last_applied: Mapping[Address, Mapping[str, Any]] = field(default_factory=dict)  # frozen specs, from the store
    looked_up: Mapping[str, JsonValue] = field(default_factory=dict)  # "data.linux#id" -> value
    stack_outputs: Mapping[str, JsonValue] = field(default_factory=dict)  # "stack.network#vpc" -> value
    found_in: Mapping[Address, Scope] = field(default_factory=dict)  # of ours that neither goal nor ledger names
    targets: tuple[Address, ...] = ()  # `app` stands for every `app[…]`
    replace: tuple[Address, ...] = ()
    adopt: Mapping[Address, str] = field(default_factory=dict)  # address -> the id to take over
    forget: frozenset[Address] = frozenset()
    read: frozenset[Scope] | None = None  # where somebody has looked, for the targets' sake; None: wherever needed
    refresh_only: bool = False
    operation: str = Operation.up

    @property
    def stack(self) -> str:
        """The stack that is decided about."""
        return self.owner.stack

    @property
    def down(self) -> bool:
        """Whether everything shall go."""
        return self.operation == Operation.down

    @property
    def marks_only(self) -> bool:
        """Whether only ownership marks may be touched."""
        return self.operation in {ADOPT, FORGET}

    @property
    def holds(self) -> bool:
        """Whether every resource is left as it is, and at most its marks change."""
        return self.refresh_only or self.marks_only

    def wanted(self) -> dict[Address, Desired]:
        """What shall stand, in the document's order; nothing on the way down."""
        return {d.address: d for d in self.goal.resources} if self.goal and not self.down else {}

    def entries(self) -> tuple[dict[Address, Entry], dict[Address, tuple[Entry, ...]]]:
        """The ledger's newest entry of each address, and the older ones: what an earlier replace has left behind."""
        newest: dict[Address, Entry] = {}
        older: dict[Address, tuple[Entry, ...]] = {}
        for entry in self.ledger.entries:
            before = newest.get(entry.address)
            if before is not None and before.remote_id != entry.remote_id:
                older[entry.address] = (*older.get(entry.address, ()), before)
            newest[entry.address] = entry
        return newest, older

    def last(self, address: Address) -> dict[str, Any] | None:
        """What was last applied, thawed; None where nobody remembers."""
        last = self.last_applied.get(address)
        return None if last is None else thaw(dict(last))

    def moved(self) -> dict[Address, Address]:
        """Old address -> the newest one, over any chain of renames."""
        renames = self.goal.moved if self.goal else {}
        final: dict[Address, Address] = {}
        for old in renames:
            new, seen = renames[old], {old}
            while new in renames and new not in seen:
                seen.add(new)
                new = renames[new]
            final[old] = new
        return final
