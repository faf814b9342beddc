"""The resources of a document, one by one: where each lands, what it stands on, and its spec, filled and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from holdfast.contract import OWNER_TAG, TAG_PREFIX
from holdfast.desired import Desired
from holdfast.document.cycles import cycles
from holdfast.document.filling import (
    EVERYTHING,
    NOTHING_YET,
    Astray,
    Each,
    Filling,
    Names,
)
from holdfast.document.nodes import Node
from holdfast.document.parameters import HOLE
from holdfast.document.places import Places
from holdfast.document.problems import NO_SUCH_KIND, Problems
from holdfast.document.shape import Document, Resource
from holdfast.document.specs import check_spec
from holdfast.model import Address, Owner, Scope
from holdfast.resource import Carrier, ResourceType, marking

_TOKEN: Final = str(UUID(int=0))  # as long as the token of any act


@dataclass(slots=True)
class _One:
    """One resource to be, of those that an entry unfolds into."""

    address: Address
    resource: Resource
    each: Each | None

    @property
    def path(self) -> str:
        return f"resources.{self.address.name}"


class Entries:
    """Binds every entry under `resources`. `uses` are the other stacks that they read."""

    def __init__(self, document: Document, names: Names, places: Places, problems: Problems, installation: str) -> None:
        self.uses: dict[str, None] = {}
        self._owner = Owner(installation, document.stack)
        self._document = document
        self._names = names
        self._places = places
        self._problems = problems
        self._tags, self._tags_written = self._default_tags()
        self._needs: dict[Address, list[Address]] = {}

    def bound(self) -> tuple[Desired, ...]:
        """All that could be made out, in the document's order."""
        self._check_kinds()
        ones = self._ones()
        order = {one.address: at for at, one in enumerate(ones)}
        desired = [self._desired(one, order) for one in ones]
        self._check_cycles({one.address: one for one in ones})
        return tuple(d for d in desired if d is not None)

    def _ones(self) -> list[_One]:
        ones = []
        for base, resource in self._document.resources.items():
            eaches: list[tuple[str, Each | None]] = [(base, None)]
            if base in self._names.keys:
                keys = self._names.keys[base] or {}
                eaches = [(f"{base}[{k}]", Each(k, v)) for k, v in keys.items()]
            for name, each in eaches:
                address = Address(self._document.stack, resource.kind, name)
                ones.append(_One(address, resource, each))
        return ones

    def _desired(self, one: _One, order: Mapping[Address, int]) -> Desired | None:
        """One resource, whole; None when it could not be made out, which has been noted."""
        resource, path = one.resource, one.path
        filling = Filling(self._names, self._problems, NOTHING_YET | {"each"}, one.each)
        scope = self._places.of(resource, path, filling)
        protect = self._protect(one, filling)
        needs = self._depends_on(one)
        filling = Filling(self._names, self._problems, EVERYTHING, one.each)
        node = resource.node.child("spec")
        usable = node is not None and isinstance(node.value, dict)
        # The spec of an unknown kind is filled too: its references can be judged all the same.
        filled = filling.fill(node, f"{path}.spec") if node and usable else {}
        needs |= filling.trail.addresses
        self.uses |= filling.trail.stacks
        stands_on = sorted(needs, key=lambda address: order.get(address, -1))
        self._needs[one.address] = stands_on
        if resource.kind not in self._names.catalog:
            return None
        kind = self._names.catalog[resource.kind]
        self._check_ignored(one, kind)
        spec = self._spec(one, kind, filled, node)
        if spec is None or scope is None:
            return None
        self._check_place(one, kind, spec, scope, node)
        return Desired(
            address=one.address,
            scope=scope,
            spec=spec,
            depends_on=tuple(stands_on),
            protect=protect,
            on_remove=resource.on_remove,
            ignore_changes=resource.ignore_changes,
            timeouts=resource.timeouts,
            where=resource.node.key,
        )

    def _spec(
        self,
        one: _One,
        kind: ResourceType[Any],
        filled: dict[str, Any],
        node: Node | None,
    ) -> dict[str, Any] | None:
        path = f"{one.path}.spec"
        stands_for = node or one.resource.node
        if (field := kind.tagged) is not None:
            own = filled.get(field)
            if isinstance(own, dict):
                written = stands_for.child(field) if node is not None else None
                refuse_own_tags(own, written or stands_for, f"{path}.{field}", self._problems)
            if self._tags and isinstance(own, dict | None):
                filled[field] = {**self._tags, **(own or {})}
                stands_for = self._with_defaults(stands_for, node, field, own or {})
        if kind.carrier is Carrier.description:
            self._refuse_forged(filled.get("description"), stands_for, path)
        spec = check_spec(kind.spec, filled, stands_for, path, self._problems)
        return None if spec is None else kind.canonical(spec.plain())

    def _refuse_forged(self, words: Any, node: Node, path: str) -> None:
        """Ownership stands at the end of a description; a person's words that look like it would be read as that."""
        if isinstance(words, str) and f"[{OWNER_TAG}=" in words:
            place = node.child("description") or node
            self._problems.add(
                place.where, f"{path}.description", f"a description with [{OWNER_TAG}=…] in it is Holdfast's own"
            )

    def _with_defaults(self, stands_for: Node, node: Node | None, field: str, own: Mapping[str, Any]) -> Node:
        """The spec with the tags of `defaults` in it, each where it was written, so that letters lead there."""
        members = node.value if node is not None and isinstance(node.value, dict) else {}
        written = members.get(field, stands_for)
        theirs = written.value if field in members and isinstance(written.value, dict) else {}
        ours = {key: tag for key, tag in self._tags_written.items() if key not in own}
        return stands_for.holding({**members, field: written.holding({**ours, **theirs})})

    def _default_tags(self) -> tuple[dict[str, Any], dict[str, Node]]:
        node = self._document.defaults.node.child("tags")
        if node is None or not isinstance(node.value, dict):
            return {}, {}
        refuse_own_tags(node.value, node, "defaults.tags", self._problems)
        filling = Filling(self._names, self._problems, NOTHING_YET)
        tags: dict[str, Any] = filling.fill(node, "defaults.tags")
        return tags, node.value

    def _protect(self, one: _One, filling: Filling) -> bool:
        node = one.resource.node.child("protect")
        if node is None or isinstance(one.resource.protect, bool):
            return one.resource.protect is True
        value = filling.fill(node, f"{one.path}.protect")
        if not isinstance(value, bool) and value is not HOLE:
            self._problems.add(
                node.where,
                f"{one.path}.protect",
                "true or false is expected here",
                seen=node.shown,
            )
        return value is True

    def _depends_on(self, one: _One) -> dict[Address, None]:
        found: dict[Address, None] = {}
        for member in _texts(one.resource.node.child("depends_on")):
            try:
                for address in self._names.addresses(str(member.value), one.each):
                    found[address] = None
            except Astray as astray:
                self._problems.add(
                    member.where,
                    f"{one.path}.depends_on",
                    str(astray),
                    seen=astray.seen,
                    among=astray.among,
                )
        return found

    # --- checks that make nothing --------------------------------------------------------------------------------

    def _check_kinds(self) -> None:
        catalog = self._names.catalog
        for name, resource in self._document.resources.items():
            if not resource.kind or resource.kind in catalog:
                continue
            where, path = (resource.node.child("kind") or resource.node).where, f"resources.{name}.kind"
            if catalog.looks_up(resource.kind):
                self._problems.add(where, path, f"{resource.kind} is looked up: write it under `data:`")
            else:
                self._problems.add(where, path, NO_SUCH_KIND, seen=resource.kind, among=catalog.kinds)

    def _check_ignored(self, one: _One, kind: ResourceType[Any]) -> None:
        for member in _texts(one.resource.node.child("ignore_changes")):
            field = str(member.value).partition(".")[0]
            if field not in kind.spec.model_fields:
                self._problems.add(
                    member.where,
                    f"{one.path}.ignore_changes",
                    f"{kind.kind} has no such field",
                    seen=field,
                    among=kind.spec.model_fields,
                )

    def _check_place(
        self, one: _One, kind: ResourceType[Any], spec: dict[str, Any], scope: Scope, node: Node | None
    ) -> None:
        wrong = kind.astray(spec, scope) or kind.crowded(spec, marking(self._owner, one.address, _TOKEN))
        if wrong is None:
            return
        field, why = wrong
        written = node.child(field) if node is not None else None
        seen = written.shown if written is not None else None
        self._problems.add((written or one.resource.node).where, f"{one.path}.spec.{field}", why, seen=seen)

    def _check_cycles(self, ones: Mapping[Address, _One]) -> None:
        for cycle in cycles(self._needs):
            names = [address.name for address in cycle]
            told = (
                "it waits for itself"
                if len(names) == 1
                else f"these wait for each other: {' -> '.join([*names, names[0]])}"
            )
            one = ones[cycle[0]]
            self._problems.add(one.resource.node.key, one.path, told)


def refuse_own_tags(tags: Mapping[str, Any], node: Node, path: str, problems: Problems) -> None:
    """Ownership is written in tags of ours; a person's tag of such a name would give the resource away."""
    for key in tags:
        if key.lower().startswith(TAG_PREFIX):
            place = node.child(key) or node
            problems.add(
                place.key,
                path,
                f"{path.rpartition('.')[2]} that begin with {TAG_PREFIX} are Holdfast's own",
                seen=key,
            )


def _texts(node: Node | None) -> list[Node]:
    """The members of a list that are text; the others have been complained about."""
    if node is None or not isinstance(node.value, list):
        return []
    return [member for member in node.value if isinstance(member.value, str)]
