"""A document once its parameters are filled in and its `for_each` unfolded: what each resource shall be.

`document.bind` makes it, `planners.converge` reads it. References are `Unknown`s whose pointers are

    shop/aws.vpc/net#id     an output of a resource of this stack
    data.linux#id           an output of a look-up, known once planning has asked
    stack.network#vpc       an output of another stack, known once its arbiter has answered
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from holdfast.model import Address, Scope
from holdfast.plan import Verb


class OnRemove(StrEnum):
    """What happens to a resource that the document no longer names."""

    delete = "delete"
    keep = "keep"


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a document, for letters: 1-based."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Desired:
    """What one resource shall be. `spec` is validated and canonical; its values may be `Unknown`."""

    address: Address
    scope: Scope
    spec: dict[str, Any]
    depends_on: tuple[Address, ...] = ()  # stated and referenced alike, each once, in the document's order
    protect: bool = False
    on_remove: OnRemove = OnRemove.delete
    ignore_changes: tuple[str, ...] = ()
    timeouts: dict[Verb, timedelta] = field(default_factory=dict)
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class LookUp:
    """Something to look up while planning."""

    name: str
    kind: str
    scope: Scope
    filter: dict[str, Any]  # validated
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class Goal:
    """The whole of a document, bound."""

    stack: str
    owner: str
    environment: str
    resources: tuple[Desired, ...] = ()
    data: tuple[LookUp, ...] = ()
    moved: dict[Address, Address] = field(default_factory=dict)  # old -> new
    outputs: dict[str, Any] = field(default_factory=dict)
    sensitive_outputs: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()  # other stacks whose outputs this one reads

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """Every scope the goal touches, sorted, each once."""
        return tuple(sorted({r.scope for r in self.resources} | {d.scope for d in self.data}))
